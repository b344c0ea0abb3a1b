import type { Config, Scenario, StoreChoice } from './config.ts';
import { seededRandom, shuffled } from './stats/random.ts';

/** One arm in one block: everything that fixes what is started and how it is loaded. */
export interface Trial {
  /** The alternative under comparison: store and what differs from its defaults. */
  arm: string;
  store: string;
  options: Readonly<Record<string, string>>;
  /** All options and the durability, sorted: `durability=second;write=cas`. */
  variant: string;
  servers: number;
  affinity: Config['affinities'][number];
  scenario: Scenario;
  payloadBytes: number;
  /** Ordinal of the pass over all arms, from 1. */
  block: number;
  /** Place within the block, from 0. */
  orderIndex: number;
}

/** The axes held fixed while arms are compared. */
interface Group {
  servers: number;
  affinity: Trial['affinity'];
  scenario: Scenario;
  payloadBytes: number;
}

/**
 * The trials of a run, in order: blocks, in each the groups, in each the arms, shuffled by the seed.
 * Pure: the same configuration and seed give the same plan.
 */
export function planTrials(config: Config): Trial[] {
  const random = seededRandom(config.seed);
  const groups = groupsOf(config);
  const trials: Trial[] = [];
  for (let block = 1; block <= config.repeat; block += 1) {
    let orderIndex = 0;
    for (const group of groups) {
      for (const choice of shuffled(config.stores, random)) {
        trials.push({ ...armOf(choice, config.durability), ...group, block, orderIndex });
        orderIndex += 1;
      }
    }
  }
  return trials;
}

/** A trial by what tells it from the others of the run. */
export function titleOf(trial: Trial): string {
  const { block, store, scenario, servers, affinity, payloadBytes } = trial;
  const count = `${servers} ${servers === 1 ? 'server' : 'servers'}`;
  return `block ${block}, ${store}, ${scenario}, ${count}, ${affinity}, ${payloadBytes} B`;
}

function groupsOf(config: Config): Group[] {
  return config.servers.flatMap((servers) =>
    config.affinities.flatMap((affinity) =>
      config.scenarios.flatMap((scenario) =>
        config.payloadsBytes.map((payloadBytes) => ({ servers, affinity, scenario, payloadBytes })),
      ),
    ),
  );
}

function armOf(
  choice: StoreChoice,
  durability: string,
): Pick<Trial, 'arm' | 'store' | 'options' | 'variant'> {
  const { store, options } = choice;
  const pairs = Object.entries({ ...options, durability }).map(([key, value]) => `${key}=${value}`);
  const variant = pairs.sort().join(';');
  return { arm: `${store}[${variant}]`, store, options, variant };
}
