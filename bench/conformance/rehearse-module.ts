/** Starts a store of the user's once before it is measured or checked, and finds whether servers share it. */

import { setTimeout } from 'node:timers/promises';
import { MODULE_FAULT } from '../../servers/protocol.ts';
import { isModule, type StoreModule } from '../../stores/module.ts';
import { findStore, registerModule } from '../../stores/registry.ts';
import type { Durability } from '../../stores/service.ts';
import type { StoreChoice } from '../config/store-choice.ts';
import { shownModule } from '../config/store-module.ts';
import { usage } from '../config/values.ts';
import { chooseBalancer } from '../environment/balancer.ts';
import { BenchError, messageOf } from '../errors.ts';
import { currentUser, logIn } from './acts.ts';
import type { Rig } from './rig.ts';
import type { Scene } from './scene.ts';
import { openSite, type Site } from './site.ts';
import { subjectOf } from './subject.ts';

/** What a rehearsal needs of a run. */
export type Stage = Pick<Rig, 'runId' | 'guard' | 'programs' | 'secrets' | 'tier' | 'urls' | 'signal'>;

const SERVERS = 2;
const SEED = 1;
const TRIES = 9;
const SAID_WITHIN_MS = 200;

/**
 * Starts each module among these with two servers and its service, logs in at one and reads at the other. Traits are
 * found, not claimed: whether servers share its sessions is then known to this process. The base of a gate does not say
 * what head is.
 * @throws BenchError USAGE for a module without a Store; SERVER_FAILED when it does not serve a login.
 */
export async function rehearseModules(
  stores: readonly StoreChoice[],
  durability: Durability,
  stage: Stage,
): Promise<void> {
  const choices = new Map<string, StoreChoice>();
  for (const choice of stores) {
    const path = choice.module?.path;
    if (path !== undefined && choices.get(path)?.side !== 'head') choices.set(path, choice);
  }
  for (const choice of choices.values()) {
    const isShared = await rehearse(choice, choice.module as StoreModule, durability, stage);
    if (choice.side !== 'base') declareShared(choice.store, isShared);
  }
}

async function rehearse(
  choice: StoreChoice,
  module: StoreModule,
  durability: Durability,
  stage: Stage,
): Promise<boolean> {
  const balancer = await chooseBalancer('node', stage.programs, false);
  if (balancer === undefined) throw new Error('expected the built-in balancer, got none');
  const place = { servers: SERVERS, affinity: 'round-robin', balancer: balancer.balancer.name } as const;
  const subject = subjectOf(choice, { ...place, durability });
  const nextName = () => `sb_rehearsal_${stage.runId.replace(/\W/g, '').toLowerCase()}`;
  let site: Site;
  try {
    site = await openSite({ subject, rig: { ...stage, balancer, nextName }, seed: SEED, tries: TRIES });
  } catch (error) {
    stage.signal.throwIfAborted();
    throw faultIn(module, error) ?? error;
  }
  const known = linesOf(site);
  try {
    return await findShared(site);
  } catch (cause) {
    stage.signal.throwIfAborted();
    const said = (await crashText(site)) || (await saidSince(known, site));
    throw new BenchError({
      code: 'SERVER_FAILED',
      expected: `a login with ${shownModule(module)} that is read back`,
      got: `${messageOf(cause)}${said}`,
      remedy: 'Mend the module, or the service that it uses.',
      cause,
    });
  } finally {
    await site.close();
  }
}

async function crashText(site: Site): Promise<string> {
  const crashes = (await site.crashes?.()) ?? [];
  return crashes.length === 0 ? '' : `; ${crashes.join('; ')}`;
}

const linesOf = ({ processes }: Site): string[] => processes?.written().split('\n').filter(Boolean) ?? [];

/** What a server has said first since then: it reports an error of a Store. */
async function saidSince(known: readonly string[], site: Site): Promise<string> {
  // The reply may be here before the line.
  await setTimeout(SAID_WITHIN_MS);
  const line = linesOf(site).find((one) => !known.includes(one));
  return line === undefined ? '' : `, after the output "${line.slice(0, 200)}"`;
}

/** Whether the second server knows a login at the first. @throws Error when the first does not know it itself. */
async function findShared(scene: Scene): Promise<boolean> {
  const { token, user } = await logIn(scene, { at: 0 });
  const [first, second] = [scene.browserOf(0), scene.browserOf(1)];
  const read = await currentUser(scene, first.holding(token));
  if (read !== user) throw new Error('the server that has logged a user in refuses the session');
  return (await currentUser(scene, second.holding(token))) === user;
}

function declareShared(store: string, shared: boolean): void {
  const definition = findStore(store);
  if (definition === undefined || !isModule(definition)) return;
  const { declaredTraits } = definition;
  registerModule({
    ...definition,
    declaredTraits: (options, durability) => ({ ...declaredTraits(options, durability), shared }),
  });
}

/** What a server has said of a module before it ended; `undefined` for other errors. */
function faultIn(module: StoreModule, error: unknown): BenchError | undefined {
  const text = error instanceof BenchError ? error.details.got : '';
  const at = text.indexOf(MODULE_FAULT);
  if (at < 0) return undefined;
  const [line = ''] = text.slice(at + MODULE_FAULT.length).split('\n');
  const end = line.lastIndexOf('}');
  const { expected, got, remedy } = JSON.parse(line.slice(0, end + 1)) as Record<string, string>;
  return usage(`${expected} as the default export of ${shownModule(module)}`, got ?? '', remedy ?? '');
}
