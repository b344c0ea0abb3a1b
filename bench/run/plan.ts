import type { Handicap } from '../../servers/protocol.ts';
import type { StoreModule } from '../../stores/module.ts';
import { durabilityOf } from '../../stores/registry.ts';
import { armText, variantText } from '../../stores/variant.ts';
import type { Config } from '../config/config.ts';
import type { LoadedSite } from '../config/contract.ts';
import { DEFAULT_FAULT } from '../config/failure.ts';
import { innerCheckOf } from '../config/inner.ts';
import type { StoreChoice } from '../config/store-choice.ts';
import type { Fault, Scenario } from '../config/words.ts';
import { seededRandom, shuffled } from '../stats/random.ts';

/** One arm in one block: everything that determines what is started and how it is loaded. */
export interface Trial extends Group {
  /** The alternative under comparison: store and non-default options. */
  arm: string;
  store: string;
  options: Readonly<Record<string, string>>;
  /** All options and the durability in force, sorted: `durability=second;write=cas`. */
  variant: string;
  /** Whose code serves it, when two commits are compared. */
  side?: 'base' | 'head';
  handicap?: Handicap;
  /** An external site; nothing is started for it. */
  site?: LoadedSite;
  /** A store of the user's. */
  module?: StoreModule;
  label?: string;
  /** How inner services check; absent: as the backend does. */
  inner?: StoreChoice['inner'];
  /** Ordinal of the repetition, from 1. */
  block: number;
  /** Place within the block, from 0. */
  orderIndex: number;
}

/** The axes held fixed while arms are compared. */
export interface Group {
  /** 0 for external sites, whose servers are unknown; their data is as well. */
  servers: number;
  affinity: Config['affinities'][number];
  scenario: Scenario;
  payloadBytes: number;
  /** Round trip that a relay adds between servers and service; absent: no relay. */
  storeDistanceMs?: number;
  /** Services behind each server, which check each request as well; absent: none. */
  innerServers?: number;
  /** What breaks; in the scenario failure alone. */
  fault?: Fault;
}

/** All arms of a group, loaded by turns, with fresh processes. */
export interface Block {
  group: Group;
  /** Ordinal, from 1; the blocks of all groups of one repetition share it. */
  block: number;
  /**
   * In the order of their first turn. Where arms take no turns, blocks come in parts of one trial.
   */
  trials: readonly Trial[];
}

/** Large, so that the sequences of two blocks do not resemble each other. */
const SEED_STEP = 7_919;

/**
 * The blocks of one repetition, one for each group; the arms of each are shuffled by seed and block, and every second
 * block has the reverse of the order before it: an arm that starts later costs some 0.6 % more, whatever it is. Pure:
 * the same configuration and ordinal give the same plan.
 */
export function planRepetition(config: Config, block: number): Block[] {
  const isReversed = block % 2 === 0;
  const random = seededRandom(config.seed + (isReversed ? block - 1 : block) * SEED_STEP);
  let orderIndex = 0;
  return groupsOf(config).flatMap((group) => {
    const order = shuffled(config.stores, random);
    if (isReversed) order.reverse();
    const trials = order.map((choice): Trial => {
      return { ...armOf(choice, config), ...group, block, orderIndex: orderIndex++ };
    });
    if (takesTurns(config)) return [{ group, block, trials }];
    return trials.map((trial) => ({ group, block, trials: [trial] }));
  });
}

/**
 * Whether the arms of a block take turns. The plain engine loads one after the other; so does a run whose sessions
 * expire, for what the stores of the others then do would show in its latency.
 */
export function takesTurns({ engine, expiring }: Pick<Config, 'engine' | 'expiring'>): boolean {
  return engine === 'slices' && expiring === undefined;
}

/** All blocks of a run, in order, without replacements. */
export function planBlocks(config: Config): Block[] {
  return Array.from({ length: config.repeat }, (_, index) => planRepetition(config, index + 1)).flat();
}

/** A title that distinguishes a trial from the others of the run. */
export function titleOf(trial: Trial): string {
  return `block ${trial.block}, ${armName(trial)}, ${groupText(trial)}`;
}

/** A name that distinguishes an arm from the others of its block. */
export function armName({ store, options, inner, side, label }: Trial): string {
  if (label !== undefined) return label;
  const name = armText(store, inner === undefined ? options : { ...options, inner });
  return side === undefined ? name : `${name} ${side}`;
}

/** A title that distinguishes a block from the others of the run. */
export function blockTitle({ block, group, trials }: Block): string {
  const [first] = trials;
  const arms = trials.length === 1 && first !== undefined ? armName(first) : `${trials.length} arms`;
  return `block ${block}, ${arms}, ${groupText(group)}`;
}

/** The axes held fixed, on one line. */
export function groupText({
  scenario,
  servers,
  affinity,
  payloadBytes,
  storeDistanceMs,
  innerServers,
  fault,
}: Group): string {
  if (servers === 0) return `${scenario}, external`;
  const count = `${servers} ${servers === 1 ? 'server' : 'servers'}`;
  const what = fault === undefined ? scenario : `${scenario} (${fault})`;
  const away = storeDistanceMs === undefined ? '' : `, store ${storeDistanceMs} ms away`;
  const within = innerServers === undefined ? '' : `, ${innerServers} inner`;
  return `${what}, ${count}, ${affinity}, ${payloadBytes} B${away}${within}`;
}

function groupsOf(config: Config): Group[] {
  const distances = config.storeDistancesMs?.map((storeDistanceMs) => ({ storeDistanceMs })) ?? [{}];
  const inner = config.innerServers?.map((innerServers) => ({ innerServers })) ?? [{}];
  const faults = (config.faults ?? [DEFAULT_FAULT]).map((fault) => ({ fault }));
  return config.servers.flatMap((servers) =>
    config.affinities.flatMap((affinity) =>
      config.scenarios.flatMap((scenario) =>
        (scenario === 'failure' ? faults : [{}]).flatMap((broken) =>
          config.payloadsBytes.flatMap((payloadBytes) =>
            distances.flatMap((distance) =>
              inner.map((within) => {
                return { servers, affinity, scenario, payloadBytes, ...broken, ...distance, ...within };
              }),
            ),
          ),
        ),
      ),
    ),
  );
}

function armOf(
  choice: StoreChoice,
  { durability, innerServers }: Config,
): Omit<Trial, keyof Group | 'block' | 'orderIndex'> {
  const { store, options, side, handicap, site, module, label } = choice;
  const inner = innerServers === undefined ? undefined : innerCheckOf(choice);
  const shown = inner === undefined ? options : { ...options, inner };
  const variant = variantText(shown, site === undefined ? durabilityOf(choice, durability) : 'unknown');
  return {
    arm: `${store}[${variant}]`,
    store,
    options,
    variant,
    ...(side === undefined ? {} : { side }),
    ...(handicap === undefined ? {} : { handicap }),
    ...(site === undefined ? {} : { site }),
    ...(module === undefined ? {} : { module }),
    ...(label === undefined ? {} : { label }),
    ...(inner === undefined ? {} : { inner }),
  };
}
