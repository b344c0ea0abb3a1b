/** One generator of scripts/generator-cost.ts as a separate process: one round per message, until the parent exits. */

import { runAutocannon } from '../bench/load/autocannon-loop.ts';
import { type LiveSession, readRequest } from '../bench/load/scenarios.ts';
import { createSliceLoop, type LoopTotals } from '../bench/load/slice-loop.ts';

/** The configuration of this process, as JSON. */
export interface LoadOrder {
  generator: 'ours' | 'autocannon';
  url: string;
  session: LiveSession;
  connections: number;
  payloadBytes: number;
  roundSeconds: number;
}

/** The result of one generator in one round. */
export interface Round {
  /** Requests with a correct reply. */
  requests: number;
  failures: number;
  seconds: number;
  cpuUs: number;
}

const order = JSON.parse(process.argv[2] ?? '') as LoadOrder;
const plan = { requests: [readRequest(order.session, order.payloadBytes)] };
const options = {
  targets: [order.url],
  plans: Array.from({ length: order.connections }, () => plan),
  onFailure: () => undefined,
  seed: 1,
};
const loop = createSliceLoop(options);

async function load(): Promise<LoopTotals> {
  if (order.generator === 'autocannon') return runAutocannon({ ...options, seconds: order.roundSeconds });
  await loop.run(order.roundSeconds, { model: 'closed' });
  return loop.take();
}

function roundOf({ tallies, seconds, cpuNs }: LoopTotals): Round {
  const tally = tallies.get('read');
  if (tally === undefined) throw new Error('expected readings, got none');
  // Requests in flight at autocannon's end are not failures.
  const failures = tally.completed - tally.ok + tally.connErrors + tally.timeouts;
  return { requests: tally.ok, failures, seconds, cpuUs: cpuNs / 1000 };
}

process.on('message', () => {
  load().then(
    (totals) => process.send?.(roundOf(totals)),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
process.on('disconnect', () => process.exit(0));
