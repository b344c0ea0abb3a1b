/** Starts one of our sites: the service, servers and balancer of one backend, with the scene that checks use. */

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { ServerConfig } from '../../servers/config.ts';
import { ADMIN_USER, SERVER_HEADER } from '../../servers/protocol.ts';
import type { ComparatorDefinition } from '../../stores/comparators/definition.ts';
import { findService } from '../../stores/registry.ts';
import { comparatorOf } from '../config/comparators.ts';
import { type Contract, LIBRARY_CONTRACT, OWN_CONTRACT } from '../config/contract.ts';
import type { Wire } from '../config/wire.ts';
import { type RunningBalancer, startBalancer } from '../environment/balancer.ts';
import { openTogether, type Resources } from '../environment/processes/resources.ts';
import { privateKeyFor } from '../environment/server.ts';
import type { StartedService } from '../environment/services/service.ts';
import { startService } from '../environment/services/start.ts';
import { ExperimentFailed } from './acts.ts';
import type { Subject } from './check.ts';
import { openClients } from './clients.ts';
import { type Fleet, openFleet } from './fleet.ts';
import { ownSite } from './own-site.ts';
import type { Rig } from './rig.ts';
import { OUTAGE, type OwnSite, type Scene, type SiteConfig, type Variant } from './scene.ts';
import { subjectOf } from './subject.ts';

/** One of our backends, running behind its balancer, with all that the checks may do to it. */
export type Site = Scene & { close(): Promise<void> };

export interface SiteOptions {
  subject: Subject;
  rig: Rig;
  seed: number;
  /** The number of tries for a race or for what depends on chance. */
  tries: number;
  variant?: Variant;
  /** A server program with planted faults instead of the usual one. */
  serverProgram?: string;
}

/** Lifetimes and limits of the site that most checks use. */
const USUAL = {
  idleSeconds: 1800,
  absoluteSeconds: 43_200,
  touchIntervalSeconds: 60,
  accessSeconds: 60,
  loginCap: 5,
  onCap: 'evict',
  failedLoginLimit: 5,
  payloadBytes: 256,
  poolSize: 4,
} as const satisfies Partial<ServerConfig>;

/** The cost of a password check is not behaviour, and check 23 alone makes a hundred. */
const PASSWORD_COST_LOG2 = 10;

const SPARE_CONNECTIONS = 20;

/** Starts a site. If a part fails, what was started before is closed. Variants are closed with it. */
export function openSite(options: SiteOptions): Promise<Site> {
  return openTogether(async (resources) => {
    const { rig, variant } = options;
    const subject = varied(options.subject, variant);
    const directory = rig.guard.createDirectory('conformance');
    resources.add('directory', directory.remove);
    const config = serverConfigOf(subject, rig, variant, directory.path);
    const service = await serviceOf(subject, rig, directory.path, config, resources);
    const fleet = await openFleet(
      {
        ...config,
        ...(service === undefined ? {} : { serviceUrl: service.url }),
      },
      subject.servers,
      { ...rig, programs: { server: options.serverProgram ?? rig.programs.server } },
      resources,
    );
    const balancer = await startBalancer({
      chosen: rig.balancer,
      upstreams: fleet.upstreams,
      affinity: subject.affinity,
      directory: directory.path,
      certificates: rig.certificates,
      redirects: true,
      guard: rig.guard,
      signal: rig.signal,
    });
    resources.add('balancer', balancer.stop);
    const wire = { ca: rig.certificates?.ca };
    const own = ownSite(subject, config, fleet, service, balancer.url, wire);
    const scene = sceneOf({ ...options, subject }, { balancer, wire }, fleet, own, resources);
    return { ...scene, close: resources.close };
  });
}

/** The subject of a variant, with the traits of the new options, such as renewed tokens. */
function varied(subject: Subject, variant: Variant | undefined): Subject {
  if (variant?.durability === undefined && variant?.options === undefined) return subject;
  const asked = variant.durability ?? subject.durability;
  const options = { ...subject.options, ...variant.options };
  const place = { ...subject, durability: asked };
  const { durability, traits } = subjectOf({ store: subject.store, options }, place);
  return { ...subject, durability, options, traits };
}

function serverConfigOf(
  subject: Subject,
  rig: Rig,
  variant: Variant | undefined,
  directory: string,
): SiteConfig {
  const accounts = join(directory, 'accounts');
  mkdirSync(accounts);
  const pem = privateKeyFor(subject.options['alg'], rig.runId);
  return {
    ...USUAL,
    ...variant?.server,
    host: '127.0.0.1',
    store: subject.store,
    options: subject.options,
    durability: subject.durability,
    namespace: rig.nextName(),
    transport: subject.transport,
    failedLoginWindowSeconds: 300,
    secret: rig.secrets.signing,
    ...(pem === undefined ? {} : { privateKeyPem: pem }),
    password: rig.secrets.password,
    adminPassword: rig.secrets.adminPassword,
    accountsDirectory: accounts,
    passwordCostLog2: PASSWORD_COST_LOG2,
    lifecycleLog: join(directory, 'lifecycle.jsonl'),
    adjustableClock: true,
    ...(subject.module === undefined ? {} : { module: subject.module }),
  };
}

async function serviceOf(
  subject: Subject,
  rig: Rig,
  directory: string,
  config: Pick<ServerConfig, 'poolSize' | 'namespace'>,
  resources: Resources,
): Promise<StartedService | undefined> {
  const definition = subject.service === undefined ? undefined : findService(subject.service);
  if (definition === undefined) return undefined;
  const url = rig.urls[definition.name];
  const service = await startService(definition, {
    tier: rig.tier,
    ...(url === undefined ? {} : { url }),
    durability: subject.durability,
    directory,
    maxConnections: subject.servers * config.poolSize + SPARE_CONNECTIONS,
    guard: rig.guard,
    signal: rig.signal,
  });
  resources.add(service.name, service.stop);
  if (service.tier === 'url') {
    resources.add(`sessions on ${service.name}`, () => service.purge(config.namespace));
  }
  return service;
}

function sceneOf(
  options: SiteOptions,
  { balancer, wire }: { balancer: RunningBalancer; wire: Wire },
  fleet: Fleet,
  own: OwnSite,
  resources: Resources,
): Scene {
  const { subject, rig } = options;
  const library = comparatorOf(subject);
  const contract: Contract = {
    ...(library === undefined ? ownContract(own, rig) : libraryContract(library)),
    name: subject.name,
    password: rig.secrets.password,
    ...(subject.transport === 'bearer' ? { transport: 'bearer' } : {}),
    ...(rig.certificates === undefined ? {} : { wire, plainHttp: balancer.plainUrl ?? false }),
    servers: [...fleet.urls],
    affinity: subject.affinity,
    traits: subject.traits,
  };
  const variants = new Map<string, Promise<Site>>();
  const isModule = subject.module !== undefined;
  let users = 0;
  return {
    subject,
    ...openClients(balancer.url, contract, options, resources),
    serverOf: (reply) => numberOf(String(reply.headers[SERVER_HEADER]), fleet.urls.length),
    freshUser: () => `c${String(users++).padStart(6, '0')}`,
    variant(change) {
      const isFixed = library !== undefined && !(isModule && change.name === OUTAGE);
      if (isFixed) return Promise.reject(new ExperimentFailed(NO_VARIANTS));
      const known = variants.get(change.name);
      if (known !== undefined) return known;
      const opening = openSite({ ...options, variant: change });
      variants.set(change.name, opening);
      resources.add(`site ${change.name}`, async () => {
        const [settled] = await Promise.allSettled([opening]);
        if (settled.status === 'fulfilled') await settled.value.close();
      });
      return opening;
    },
    // Nothing of a library is ours: neither its clock nor what it logs.
    own: library === undefined ? own : undefined,
    processes: library === undefined || isModule ? own : undefined,
    ...(isModule ? { crashes: () => crashesOf(fleet, variants) } : {}),
  };
}

/** Of a site, and of its variants that have started. */
async function crashesOf(fleet: Fleet, variants: ReadonlyMap<string, Promise<Site>>): Promise<string[]> {
  const crashes = [fleet.crashes()];
  for (const one of await Promise.allSettled(variants.values()))
    if (one.status === 'fulfilled') crashes.push(one.value.crashes?.() ?? Promise.resolve([]));
  return (await Promise.all(crashes)).flat();
}

const NO_VARIANTS = 'expected one of our backends, which can be started otherwise, got a library';

type SiteContract = Omit<Contract, 'name' | 'password' | 'servers' | 'affinity' | 'traits'>;

const ownContract = ({ config }: OwnSite, { secrets }: Rig): SiteContract => ({
  ...OWN_CONTRACT,
  admin: { user: ADMIN_USER, password: secrets.adminPassword },
  loginCap: config.loginCap,
  failedLoginLimit: config.failedLoginLimit,
});

/** As an external site: what its contract does not have is not asked of it. */
function libraryContract({ lacks = [] }: ComparatorDefinition): SiteContract {
  const kept = Object.entries(LIBRARY_CONTRACT.operations).filter(
    ([name]) => !lacks.some((one) => one === name),
  );
  const operations = Object.fromEntries(kept) as Contract['operations'];
  return { ...LIBRARY_CONTRACT, operations, foreign: { readsNobody: false } };
}

/** Server `s2` is number 1. */
function numberOf(name: string, servers: number): number | undefined {
  const number = Number(/^s(\d+)$/.exec(name)?.[1] ?? Number.NaN) - 1;
  return number >= 0 && number < servers ? number : undefined;
}
