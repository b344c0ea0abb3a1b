import { generateKeyPairSync } from 'node:crypto';
import { SERVER_CONFIG_ENV, type ServerConfig } from '../../servers/config.ts';
import { SERVER_FLAGS } from '../../servers/node-flags.ts';
import type { StatsMessage, StatsRequest } from '../../servers/stats.ts';
import { MODULE_VARIABLES } from '../../stores/module.ts';
import { durabilityOf, SERVICES } from '../../stores/registry.ts';
import { lifetimesOf } from '../config/lifetimes.ts';
import type { Trial } from '../run/plan.ts';
import { comparatorProgram } from './comparator-program.ts';
import type { RunContext } from './context.ts';
import { servedModule } from './modules/served-module.ts';
import { ask } from './processes/ask.ts';
import { type StartedProcess, startProcess } from './processes/process.ts';
import type { Programs } from './programs.ts';
import { checkEcho } from './server-echo.ts';
import type { StartedService } from './services/service.ts';

const START_TIMEOUT_MS = 20_000;
const STATS_TIMEOUT_MS = 5_000;
/** Code and remedy of the error of a server that ends, or does not reply. */
export const SERVER_FAILURE = {
  code: 'SERVER_FAILED',
  remedy: 'Find the cause in that output, then run again.',
} as const;
const OTHER_BASE =
  'The commit compared with cannot run this configuration: name another --base, or leave out what it does not know.';
/** Enough to sweep and collect a million sessions. */
const WEIGH_TIMEOUT_MS = 60_000;
/** Idle lifetime in the revocation scenario: short, so that the expiry of a plain token is observed. */
export const REVOCATION_IDLE_SECONDS = 5;

/** Lifetimes so long that no touch occurs in a run, but with `--touch` and `--expiring`. */
const IDLE_SECONDS = 2 * 86_400;
const ABSOLUTE_SECONDS = 7 * 86_400;
const TOUCH_INTERVAL_SECONDS = 86_400;

/** The configuration of one server of a trial. @param service as the servers reach it. */
export function serverConfig(
  trial: Trial,
  context: RunContext,
  id: string,
  service: Pick<StartedService, 'url'> | undefined,
): ServerConfig {
  const { config, secrets, runId } = context;
  const pem = privateKeyFor(trial.options['alg'], runId);
  const lifetimes = lifetimesOf(config);
  const idleSeconds =
    trial.scenario === 'revocation' ? REVOCATION_IDLE_SECONDS : (lifetimes.idleSeconds ?? IDLE_SECONDS);
  return {
    id,
    host: '127.0.0.1',
    port: 0,
    store: trial.store,
    options: trial.options,
    durability: durabilityOf(trial, config.durability),
    ...(service === undefined ? {} : { serviceUrl: service.url }),
    ...(pem === undefined ? {} : { privateKeyPem: pem }),
    namespace: namespaceOf(trial, runId),
    poolSize: config.poolSize,
    idleSeconds,
    absoluteSeconds: ABSOLUTE_SECONDS,
    touchIntervalSeconds: lifetimes.touchSeconds ?? TOUCH_INTERVAL_SECONDS,
    transport: config.transport,
    payloadBytes: trial.payloadBytes,
    loginCap: 0,
    onCap: 'evict',
    failedLoginLimit: 0,
    failedLoginWindowSeconds: 300,
    // As long as the idle lifetime: no token is renewed while it is measured.
    accessSeconds: idleSeconds,
    secret: secrets.signing,
    password: secrets.password,
    adminPassword: secrets.adminPassword,
    ...(trial.module === undefined ? {} : { module: trial.module }),
    ...(trial.handicap === undefined ? {} : { handicap: trial.handicap }),
  };
}

/** Separates the trials of all runs on an external service. */
export function namespaceOf(trial: Trial, runId: string): string {
  return `sb_${runId.replace(/\W/g, '').toLowerCase()}_${trial.block}_${trial.orderIndex}`;
}

const keys = new Map<string, string>();

/** A private key for an asymmetric algorithm, one per run; `undefined` for the others. */
export function privateKeyFor(alg: string | undefined, runId: string): string | undefined {
  if (alg !== 'RS256' && alg !== 'ES256' && alg !== 'EdDSA') return undefined;
  const name = `${runId} ${alg}`;
  const known = keys.get(name);
  if (known !== undefined) return known;
  const pair =
    alg === 'RS256'
      ? generateKeyPairSync('rsa', { modulusLength: 2048 })
      : alg === 'ES256'
        ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
        : generateKeyPairSync('ed25519');
  const pem = pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  keys.set(name, pem);
  return pem;
}

/** Variables of Node and OpenSSL that say which certificates to trust. */
const TRUST = ['NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE', 'SSL_CERT_DIR'];

/** What drivers read from the environment: servers connect as the harness did when it inspected the service. */
export function clientEnvironment(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const names = [...TRUST, ...SERVICES.flatMap(({ url }) => url.driverVariables)];
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = env[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

/** The programs that a server loads besides its own. */
async function programsOf({
  store,
  module,
}: ServerConfig): Promise<Pick<ServerConfig, 'program' | 'module'>> {
  if (module !== undefined) return servedModule(module);
  const program = await comparatorProgram(store);
  return program === undefined ? {} : { program };
}

/** What the code of a module reads, which gets no configuration from us. */
function moduleEnvironment({ module, serviceUrl, namespace }: ServerConfig): Record<string, string> {
  if (module === undefined) return {};
  return {
    [MODULE_VARIABLES.namespace]: namespace,
    ...(serviceUrl === undefined ? {} : { [MODULE_VARIABLES.url]: serviceUrl }),
  };
}

/**
 * Starts one server process; resolves once it accepts connections.
 * @param side whose code the program is, when two commits are compared.
 * @throws BenchError SERVER_FAILED, or ARM_DIFFERS when it runs another backend or other options than configured; the
 * error names the baseline if it is the baseline's.
 */
export async function startServer(
  config: ServerConfig,
  context: Pick<RunContext, 'guard' | 'signal' | 'pinning'> & { programs: Pick<Programs, 'server'> },
  side?: Trial['side'],
): Promise<StartedProcess> {
  const { programs, guard, signal } = context;
  const given: ServerConfig = { ...config, ...(await programsOf(config)) };
  const isBaseline = side === 'base';
  const server = await startProcess({
    name: isBaseline ? `server ${config.id} of the baseline` : `server ${config.id}`,
    command: process.execPath,
    args: [...SERVER_FLAGS, programs.server],
    cpus: context.pinning?.server,
    env: {
      ...clientEnvironment(process.env),
      [SERVER_CONFIG_ENV]: JSON.stringify(given),
      ...moduleEnvironment(config),
      NODE_ENV: 'production',
    },
    ready: 'ipc',
    timeoutMs: START_TIMEOUT_MS,
    guard,
    signal,
    failure: isBaseline ? { ...SERVER_FAILURE, remedy: OTHER_BASE } : SERVER_FAILURE,
    secrets: [config.secret, config.password, config.adminPassword],
  });
  try {
    checkEcho(config, server.message, isBaseline);
  } catch (error) {
    await server.stop();
    throw error;
  }
  return server;
}

/** Statistics of a server; those of older commits omit some. */
export type ServerStats = Omit<StatsMessage, 'type'>;

/**
 * Requests a server's statistics, and resets its event-loop delay.
 * @throws BenchError SERVER_FAILED when it ends, or does not reply in time.
 */
export async function askStats(
  server: StartedProcess,
  more: Omit<StatsRequest, 'type'> = {},
): Promise<ServerStats> {
  const timeoutMs = more.weigh ? WEIGH_TIMEOUT_MS : STATS_TIMEOUT_MS;
  const question: StatsRequest = { type: 'stats', ...more };
  const { type: _, ...stats } = await ask<StatsMessage>(server, question, timeoutMs, SERVER_FAILURE);
  return stats;
}
