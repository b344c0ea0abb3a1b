import { setTimeout } from 'node:timers/promises';
import { type Generator, startGenerator } from '../environment/generator.ts';
import { type InputOutput, inputOutputOf } from '../environment/machine/cpu.ts';
import { openTogether } from '../environment/processes/resources.ts';
import type { Bench } from '../run/bench.ts';
import { type Arm, openArms } from '../run/block/arms.ts';
import type { Block } from '../run/plan.ts';

/** Counters of an arm per request, of a load without any batching; without those that cannot be read. */
export type Counts = {
  [C in 'trips' | 'loopTurns' | keyof InputOutput]?: number | undefined;
};

/** One connection sends this many requests, one after the other: nothing is served in a batch. */
const REQUESTS = 2_000;
const WARM_REQUESTS = 3_000;
const LIMIT_SECONDS = 60;
/** Until what the last reply left to do is done. */
const SETTLE_MS = 100;

/**
 * Counts what each arm of a block does per request. The load is a fixed number of requests on one connection, so that
 * counters are nearly equal in all blocks, also on a machine that is full of other work.
 * @throws Error naming an arm that did not start.
 */
export function countBlock(bench: Bench, block: Block): Promise<{ arm: Arm; counts: Counts }[]> {
  const { context, machine, progress } = bench;
  return openTogether(async (resources) => {
    const generator = await startGenerator(context, progress.step);
    resources.add('load generator', generator.close);
    const { arms, absent } = await openArms(block, context, machine, Promise.resolve(generator), resources);
    const [failed] = absent;
    if (failed !== undefined)
      throw new Error(`expected ${failed.trial.arm} to start, got ${failed.failure ?? 'a refusal'}`);
    const counted: { arm: Arm; counts: Counts }[] = [];
    for (const arm of arms) {
      await load(generator, arm, WARM_REQUESTS);
      counted.push({ arm, counts: await countArm(generator, arm) });
    }
    await resources.close();
    return counted;
  });
}

async function countArm(generator: Generator, arm: Arm): Promise<Counts> {
  const before = await readCounters(arm);
  const completed = await load(generator, arm, REQUESTS);
  const after = await readCounters(arm);
  const perRequest = (later: number | undefined, earlier: number | undefined) =>
    later === undefined || earlier === undefined ? undefined : (later - earlier) / completed;
  const keys = Object.keys(after) as (keyof Counts)[];
  return Object.fromEntries(
    keys.map((key) => [key, perRequest(after[key], before[key])]),
  ) as unknown as Counts;
}

async function load(generator: Generator, arm: Arm, requests: number): Promise<number> {
  const { completed, ok } = await generator.slice(arm.index, LIMIT_SECONDS, { model: 'closed', requests });
  if (ok < requests) throw new Error(`expected ${requests} right replies of ${arm.trial.arm}, got ${ok}`);
  await setTimeout(SETTLE_MS);
  return completed;
}

/** The message to the server comes first, so that it is counted before the load and not in it. */
async function readCounters({ environment, pids }: Arm): Promise<Counts> {
  const { roundTrips, loopTurns } = await environment.stats();
  await setTimeout(SETTLE_MS);
  return { trips: roundTrips, loopTurns, ...inputOutputOf(pids.server) };
}
