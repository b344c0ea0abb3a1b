/** One generator of scripts/generator-cost.ts as a process of its own: a round for each message, until the parent is gone. */

import { runAutocannon } from '../bench/load/autocannon-loop.ts';
import { type LiveSession, readRequest } from '../bench/load/scenarios.ts';
import { createSliceLoop, type LoopTotals } from '../bench/load/slice-loop.ts';

/** What this process is told when it starts, as JSON. */
export interface LoadOrder {
  generator: 'ours' | 'autocannon';
  url: string;
  session: LiveSession;
  connections: number;
  payloadBytes: number;
  roundSeconds: number;
}

/** What one generator came to in one round. */
export interface Round {
  /** Answered rightly. */
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
  // What autocannon has under way at its end is no failure.
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
