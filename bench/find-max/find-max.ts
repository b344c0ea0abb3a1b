import type { Config } from '../config/config.ts';
import { type Generator, startGenerator } from '../environment/generator.ts';
import { openTogether } from '../environment/processes/resources.ts';
import { BenchError } from '../errors.ts';
import { nullServerRate } from '../probe/null-server.ts';
import { GENERATOR_HEADROOM } from '../results/validity.ts';
import { openBench } from '../run/bench.ts';
import { type Arm, openArms } from '../run/block/arms.ts';
import { estimateBlockMs } from '../run/estimate.ts';
import { blockTitle, planBlocks } from '../run/plan.ts';
import { type JudgedTrial, judgeTrial, type Objective } from './objective.ts';
import { type SearchResult, searchMaximum } from './search.ts';

/** The result of a search. */
export interface FoundMaximum extends SearchResult {
  /** Throughput of a closed loop over the same connections, requests per second. */
  capacityPerSecond: number;
  /** Why trials failed the objective: each reason with its count. */
  reasons: Readonly<Record<string, number>>;
  /** The rate that the generator reaches on its own at 1.3 times the result; `undefined` without a result. */
  nullServerRps: number | undefined;
  backend: string;
  title: string;
  connections: number;
  seed: number;
}

/** Length of the trials that narrow, as a share of those that decide, which are as long as `--duration`. */
const SHORT_SHARE = 0.3;

/**
 * Searches for the highest rate of an open loop at which the objective holds, on one environment that runs for the
 * whole search. @throws BenchError when it cannot be started, or a part of it dies.
 */
export function findMaximum(
  config: Config,
  objective: Objective,
  command: readonly string[],
  signal: AbortSignal,
): Promise<FoundMaximum> {
  return openTogether(async (resources) => {
    const estimatedBlockMs = estimateBlockMs(config) * 20;
    const bench = await openBench({ config, command, signal, estimatedBlockMs }, resources);
    const { context, machine, progress } = bench;
    const [block] = planBlocks(context.config);
    if (block === undefined) throw new Error('expected a plan with at least one block');
    progress.begin(blockTitle(block), 1, 1);
    const starting = startGenerator(context, progress.step).then((started) => {
      resources.add('load generator', started.close);
      return started;
    });
    starting.catch(() => undefined);
    const { arms, absent } = await openArms(block, context, machine, starting, resources);
    const [arm] = arms;
    if (arm === undefined)
      throw notLoadable(absent[0]?.failure ?? absent[0]?.rows[0]?.invalid_reason ?? 'no reason');
    const died = arm.environment.died.then((error) => {
      throw error;
    });
    const generator = await starting;
    const found = await Promise.race([died, search(arm, generator, config, objective, progress.say, signal)]);
    const { ratePerSecond } = found;
    const nullServerRps =
      ratePerSecond === undefined
        ? undefined
        : await nullServerRate(context, {
            ratePerSecond: ratePerSecond * GENERATOR_HEADROOM,
            connections: config.connections,
            durationSeconds: 1,
          });
    progress.end(ratePerSecond === undefined ? 'none holds' : `${Math.round(ratePerSecond)} requests/s`);
    await resources.close();
    const { store } = arm.trial;
    const { connections, seed } = config;
    return { ...found, nullServerRps, backend: store, title: blockTitle(block), connections, seed };
  });
}

async function search(
  arm: Arm,
  generator: Generator,
  config: Config,
  objective: Objective,
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<SearchResult & Pick<FoundMaximum, 'capacityPerSecond' | 'reasons'>> {
  const { index, environment } = arm;
  const load = async (seconds: number, ratePerSecond: number | undefined): Promise<JudgedTrial> => {
    signal.throwIfAborted();
    await generator.replenish(index, seconds);
    const model =
      ratePerSecond === undefined
        ? ({ model: 'closed' } as const)
        : ({ model: 'open', ratePerSecond, arrivals: config.arrivals } as const);
    const slice = await generator.slice(index, seconds, model);
    return judgeTrial(objective, ratePerSecond, slice, await generator.collect(index));
  };
  await load(config.warmupSeconds, undefined);
  await environment.service?.settle();
  const capacity = await load(config.durationSeconds, undefined);
  const capacityPerSecond = capacity.achievedPerSecond;
  if (!(capacityPerSecond > 0)) throw notLoadable(capacity.reason ?? 'no correct reply');
  say(`closed loop: ${Math.round(capacityPerSecond)} requests/s`);

  const reasons: Record<string, number> = {};
  const result = await searchMaximum({
    capacityPerSecond,
    shortSeconds: config.durationSeconds * SHORT_SHARE,
    longSeconds: config.durationSeconds,
    async measure(ratePerSecond, seconds) {
      const trial = await load(seconds, ratePerSecond);
      const { holds, value, reason } = trial;
      if (reason !== undefined) reasons[reason] = (reasons[reason] ?? 0) + 1;
      say(
        `${Math.round(ratePerSecond)}/s for ${Number(seconds.toFixed(1))} s: ${holds ? 'holds' : `does not hold: ${reason}`}${objective.format(value)}`,
      );
      return { holds, value };
    },
  });
  return { ...result, capacityPerSecond, reasons };
}

function notLoadable(got: string): BenchError {
  return new BenchError({
    code: 'SERVER_FAILED',
    expected: 'a backend that can be loaded',
    got,
    remedy: 'See pnpm bench doctor, or name another --store.',
  });
}
