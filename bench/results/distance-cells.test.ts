import { expect, test } from 'vitest';
import { distanceCells, relayNote } from './distance-cells.ts';

const perRequestUs = (ns: number | undefined) => (ns === undefined ? undefined : ns / 1_000 / 10);
const trips = Array.from({ length: 100 }, (_, index) => 2_100 + index);

test('the cells are what was measured, and empty where nothing was', () => {
  const distance = { roundTripsUs: [...trips].reverse(), relayNs: 400_000 };
  expect(distanceCells({ distance }, perRequestUs)).toEqual({
    store_rtt_p50_us: 2_150,
    store_rtt_p95_us: 2_194,
    cpu_us_per_req_store_relay: 40,
  });
  const few = { roundTripsUs: trips.slice(0, 3), relayNs: undefined };
  expect(distanceCells({ distance: few }, perRequestUs)).toEqual({ store_rtt_p50_us: 2_101 });
  expect(distanceCells({ distance: undefined }, perRequestUs)).toEqual({});
});

test('a relay that was full is told', () => {
  const of = (relayNs: number) => relayNote({ distance: { roundTripsUs: [], relayNs }, windowSeconds: 2 });
  expect(of(1.7e9)).toBeUndefined();
  expect(of(1.9e9)).toMatch(/was full/);
  expect(relayNote({ distance: undefined, windowSeconds: 2 })).toBeUndefined();
});
