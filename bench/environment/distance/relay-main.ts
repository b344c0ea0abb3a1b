/** Process entry of the relay of `--store-distance`: its clock, its ports, its end. */

import { type AddressInfo, createServer } from 'node:net';
import { startTicker } from '../../load/ticker.ts';
import { createDelayLine } from './delay-line.ts';
import { DISTANCE_PLAN_VARIABLE, type DistancePlan, type DistanceReady } from './plan.ts';
import { relayTo } from './relay.ts';

const LOOPBACK = '127.0.0.1';

process.on('SIGTERM', () => process.exit(0));
// The harness has died, even by kill -9.
process.on('disconnect', () => process.exit(0));

const { oneWayMs, targets } = JSON.parse(process.env[DISTANCE_PLAN_VARIABLE] ?? '') as DistancePlan;
// Without spinning, which would take a processor from the load generator: what that costs in precision is measured.
const ticker = await startTicker(0);
// Both directions have the same delay: one line keeps the order of all.
const line = createDelayLine(oneWayMs, ticker);
async function listenFor(target: DistancePlan['targets'][0]): Promise<number> {
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) =>
    relayTo(client, target, line),
  );
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(0, LOOPBACK, resolve);
  });
  return (server.address() as AddressInfo).port;
}

const [service, echo] = targets;
const ready: DistanceReady = { type: 'ready', ports: [await listenFor(service), await listenFor(echo)] };
process.send?.(ready);
