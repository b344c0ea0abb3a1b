import { AssertionError, deepEqual } from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { openStore } from '../open.ts';
import { defaultOptions } from '../options.ts';
import type { OpenContext, SessionStore, StoreDefinition } from '../store.ts';
import { traitsOf } from '../traits.ts';
import { type Model, type ModelRules, newModel, read } from './model.ts';
import { anyCall } from './model-calls.ts';
import type { AnyCall } from './model-picks.ts';

/** A backend that is compared with the model: two servers, each with its own store, or one where nothing is shared. */
export interface ModelSubject {
  definition: StoreDefinition;
  options?: Record<string, string>;
  serviceUrl?: string;
  wrapStore?: WrapStore;
}

/** Wraps the store that was opened on the server of this number, to plant a fault. */
export type WrapStore = (
  store: SessionStore,
  context: OpenContext,
  server: number,
) => SessionStore | Promise<SessionStore>;

const RULES = {
  idleSeconds: 120,
  absoluteSeconds: 200,
  accessSeconds: 40,
  touchIntervalSeconds: 20,
} as const;
/**
 * Multiples of five, so that whatever has not ended has some seconds left: services free memory by their own clock,
 * which runs while the injected one stands still.
 */
const STEP_SECONDS = [5, 5, 5, 15, 20, 20, 40, 60, 60, 80, 100, 115, 120, 200] as const;
const MAX_SEQUENCE = 60;
/** The newest tokens that had ended before are read after each call, in addition to all that had not. */
const ENDED_READ = 6;

/** State shared by the sequences of a run. */
interface Real {
  stores: readonly SessionStore[];
  clock: { nowMs: number };
}

/** The state of a sequence; replaced as a whole where calls may have happened in either order. */
interface Held {
  model: Model;
  /** The tokens that were live before the current call. */
  live: readonly string[];
}

type Command = fc.AsyncCommand<Held, Real>;

/** Advances the clock of all servers. */
class Advance implements Command {
  readonly #seconds: number;
  constructor(seconds: number) {
    this.#seconds = seconds;
  }
  check(): boolean {
    return true;
  }
  async run(held: Held, real: Real): Promise<void> {
    real.clock.nowMs += this.#seconds * 1000;
    held.model.nowMs = real.clock.nowMs;
    await readAll(held, real);
  }
  toString(): string {
    return `+${this.#seconds}s`;
  }
}

/** One call on one server, or several at once, whose results must match some order of them. */
class Calls implements Command {
  readonly #calls: readonly { any: AnyCall; server: number }[];
  #text = '';
  constructor(calls: readonly { any: AnyCall; server: number }[]) {
    this.#calls = calls;
  }
  check({ model }: Held): boolean {
    return this.#calls.every(({ any }) => any(model) !== undefined);
  }
  async run(held: Held, real: Real): Promise<void> {
    const bound = this.#calls.map(({ any, server }) => {
      const store = real.stores[server % real.stores.length];
      const call = any(held.model);
      if (store === undefined || call === undefined) throw new Error('expected a store and a call');
      return { call, store, text: `${call.text} on s${(server % real.stores.length) + 1}` };
    });
    this.#text = bound.map(({ text }) => text).join(' | ');
    const answers = await Promise.all(bound.map(({ call, store }) => call.ask(store)));
    if (answers.length === 1) {
      answers[0]?.(held.model);
      return readAll(held, real);
    }
    const outcomes = await consistentOf([answers, answers.toReversed()], async (order) => {
      const attempt = structuredClone(held);
      for (const accept of order) accept(attempt.model);
      await readAll(attempt, real);
      return attempt;
    });
    const [outcome, other] = outcomes;
    if (other !== undefined && !isDeepStrictEqual(outcome, other)) {
      // Nothing shows yet which came last, as of an account that was disabled and enabled: the last is repeated alone.
      const { call, store } = bound.at(-1) as (typeof bound)[number];
      const accept = await call.ask(store);
      const [known] = await consistentOf(outcomes, async (attempt) => {
        accept(attempt.model);
        await readAll(attempt, real);
        return attempt;
      });
      Object.assign(held, known);
      return;
    }
    Object.assign(held, outcome);
  }
  toString(): string {
    return this.#text;
  }
}

/** The results of the attempts that the model does not contradict; without any, throws the last contradiction. */
async function consistentOf<T, R>(attempts: readonly T[], attempt: (one: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  let contradiction: unknown;
  for (const one of attempts) {
    try {
      results.push(await attempt(one));
    } catch (error) {
      if (!(error instanceof AssertionError)) throw error;
      contradiction = error;
    }
  }
  if (results.length === 0) throw contradiction;
  return results;
}

/** Every server must report the tokens as the model does. */
async function readAll(held: Held, { stores }: Real): Promise<void> {
  const { model } = held;
  const known = [...model.tokens.keys()];
  const live = known.filter((token) => read(model, token) !== undefined);
  const ended = known.filter((token) => !live.includes(token));
  const tokens = [...new Set([...held.live, ...live, ...ended.slice(-ENDED_READ)])];
  held.live = live;
  for (const [server, store] of stores.entries()) {
    const sessions = await Promise.all(tokens.map((token) => store.read(token)));
    // A store may omit the user of an anonymous session.
    const found = sessions.map((session) => session && { userId: undefined, ...session });
    for (const [at, token] of tokens.entries())
      deepEqual(
        found[at],
        read(model, token, found[at]?.handle),
        `t${known.indexOf(token)} on s${server + 1}: got ${JSON.stringify(found[at])}`,
      );
  }
}

function anyCommands({ offers }: StoreDefinition, options: Record<string, string>) {
  const anyOf = anyCall(offers(options));
  const oneCall = fc.record({ any: anyOf, server: fc.nat(1) });
  const twice = anyOf.map((any) => [0, 1].map((server) => ({ any, server })));
  const command = fc.oneof<fc.WeightedArbitrary<Command>[]>(
    { weight: 16, arbitrary: oneCall.map((call) => new Calls([call])) },
    { weight: 2, arbitrary: twice.map((calls) => new Calls(calls)) },
    { weight: 2, arbitrary: fc.tuple(oneCall, oneCall).map((calls) => new Calls(calls)) },
    { weight: 3, arbitrary: fc.constantFrom(...STEP_SECONDS).map((seconds) => new Advance(seconds)) },
  );
  return fc.commands<Held, Real, false>([command], { maxCommands: MAX_SEQUENCE, size: 'max' });
}

/**
 * Runs this many sequences of random calls against the backend and the model, until one contradicts.
 * @param shrink whether to minimise that one.
 */
export async function runModel(
  subject: ModelSubject,
  { seed, runs, shrink = true }: { seed: number; runs: number; shrink?: boolean },
): Promise<fc.RunDetails<[number, Iterable<Command>]>> {
  const { definition, wrapStore } = subject;
  const options = { ...defaultOptions(definition), ...subject.options };
  const traits = traitsOf(definition, options, 'none');
  const clock = { nowMs: 0 };
  const context: OpenContext = {
    ...RULES,
    options,
    durability: 'none',
    ...(subject.serviceUrl === undefined ? {} : { serviceUrl: subject.serviceUrl }),
    namespace: `m${randomBytes(6).toString('hex')}`,
    poolSize: 4,
    secret: randomBytes(32),
    maxTokenBytes: 4000,
    controlData: () => '',
    now: () => clock.nowMs,
    onBackgroundError: (error) => {
      throw error;
    },
  };
  const rules: ModelRules = {
    traits,
    idleMs: RULES.idleSeconds * 1000,
    absoluteMs: RULES.absoluteSeconds * 1000,
    accessMs: RULES.accessSeconds * 1000,
    touchIntervalMs: RULES.touchIntervalSeconds * 1000,
  };
  const stores: SessionStore[] = [];
  let sequence = 0;
  const property = fc.asyncProperty(
    fc.nat(999),
    anyCommands(definition, options),
    async (startMs, commands) => {
      sequence += 1;
      clock.nowMs = Math.ceil(Date.now() / 1000) * 1000 + startMs;
      const users = ['a', 'b'].map((name) => `${name}${sequence}`);
      await fc.asyncModelRun(
        () => ({ model: { model: newModel(rules, users, clock.nowMs), live: [] }, real: { stores, clock } }),
        commands,
      );
    },
  );
  try {
    for (const server of traits.shared ? [0, 1] : [0]) {
      const store = await openStore(definition, context);
      stores.push((await wrapStore?.(store, context, server)) ?? store);
    }
    return await fc.check(property, {
      seed,
      numRuns: runs,
      endOnFailure: !shrink,
      includeErrorInReport: true,
    });
  } finally {
    for (const store of stores) await store.close();
  }
}
