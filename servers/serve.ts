import { pathToFileURL } from 'node:url';
import { type ComparatorDefinition, isComparator } from '../stores/comparators/definition.ts';
import { openStore } from '../stores/open.ts';
import { effectiveOptions } from '../stores/options.ts';
import { ARMS } from '../stores/registry.ts';
import type { OpenContext, SessionStore, StoreDefinition } from '../stores/store.ts';
import { traitsOf } from '../stores/traits.ts';
import { createApp } from './app.ts';
import { type Clock, type ClockMessage, createClock } from './clock.ts';
import { openComparator } from './comparator-server.ts';
import { parseServerConfig, SERVER_CONFIG_ENV, type ServerConfig } from './config.ts';
import { countBytes } from './count-bytes.ts';
import { errorReporter } from './error-reporter.ts';
import { payloadFor, type ReadyMessage } from './protocol.ts';
import { bearerTransport, cookieTransport, type Transport } from './session-plugin.ts';
import { shutdownOnSignal } from './shutdown.ts';
import {
  countTouches,
  measureSessionBytes,
  type StatsMessage,
  type StatsRequest,
  watchProcess,
} from './stats.ts';

/**
 * Connections that may wait to be accepted: Node's default of 511 turns a balancer's burst of a thousand into
 * time-outs.
 */
const BACKLOG = 4096;

/** Seams through which a test's entry plants faults. No configuration reaches them, and servers/main.ts passes none. */
export interface ServeParts {
  changeConfig?: (config: ServerConfig) => ServerConfig;
  wrapDefinition?: (definition: StoreDefinition) => StoreDefinition;
  wrapStore?: (store: SessionStore, config: ServerConfig) => SessionStore;
  wrapTransport?: (transport: Transport, config: ServerConfig) => Transport;
}

/**
 * Runs one server process, configured by the environment, and sends `ready` over IPC. Resolves once the server accepts
 * connections; the process exits on SIGTERM.
 * @throws Error for an invalid configuration, StoreUnavailableError when the service is not available.
 */
export async function serve(parts: ServeParts = {}): Promise<void> {
  const given = parseServerConfig(process.env[SERVER_CONFIG_ENV]);
  const config = parts.changeConfig?.(given) ?? given;
  const found = await definitionOf(config);
  const options = found === undefined ? config.options : effectiveOptions(found, config.options);
  const clock = createClock(config);
  const onError = errorReporter();
  const served: Served =
    found === undefined || isComparator(found)
      ? await openComparator({ ...config, options }, onError)
      : await openApplication({ ...config, options }, found, parts, clock, onError);
  shutdownOnSignal(served.close, onError);
  // What a module of the user's holds in this process cannot be ended from here.
  const isHidden = config.module !== undefined && served.sweep === undefined;
  const weigh = () =>
    isHidden ? Promise.resolve(undefined) : measureSessionBytes(served.sweep, clock, config.absoluteSeconds);
  handleMessages({ stats: watchProcess(served), weigh, count: served.count }, clock, onError);
  const port = await served.listen({ host: config.host, port: config.port, backlog: BACKLOG });
  process.send?.({ type: 'ready', port, store: config.store, options } satisfies ReadyMessage);
}

/** The backend or library that is configured; `undefined` for a Store of the user's, which has no definition. */
async function definitionOf({
  store,
  module,
}: ServerConfig): Promise<StoreDefinition | ComparatorDefinition | undefined> {
  if (module === undefined) {
    const found = ARMS.find(({ name }) => name === store);
    if (found === undefined) throw new Error(`no store is named ${store}`);
    return found;
  }
  if (module.kind === 'express') return undefined;
  return ((await import(pathToFileURL(module.path).href)) as { default: StoreDefinition }).default;
}

/** What listens, and what is read of it. */
interface Served extends Pick<SessionStore, 'verifyCacheStats'> {
  /** Since the start; `undefined` where they are not known. */
  roundTrips(): number | undefined;
  /** Renewals of idle expiries since the start; absent where a library makes them. */
  touches?(): number;
  /** Of the sessions that the store holds; `undefined` where it holds none. */
  count?: () => Promise<number | undefined>;
  /** Resolves with the port. */
  listen(at: { host: string; port: number; backlog: number }): Promise<number>;
  close(): Promise<void>;
  /** What an inner service has received and sent since the start. */
  innerBytes?: (() => number) | undefined;
  /** Of sessions that are kept in this process. */
  sweep?: SessionStore['sweep'];
}

/** Our application on the backend of this definition, whose options are complete. */
async function openApplication(
  config: ServerConfig,
  found: StoreDefinition,
  parts: ServeParts,
  clock: Clock,
  onError: (error: unknown) => void,
): Promise<Served> {
  const definition = parts.wrapDefinition?.(found) ?? found;
  const { options } = config;
  const traits = traitsOf(definition, options, config.durability);
  const refresh = traits.refresh === 'rotating';
  const plain = config.transport === 'cookie' ? cookieTransport({ refresh }) : bearerTransport({ refresh });
  const transport = parts.wrapTransport?.(plain, config) ?? plain;
  const context: OpenContext = {
    options,
    durability: config.durability,
    serviceUrl: config.serviceUrl,
    privateKeyPem: config.privateKeyPem,
    namespace: config.namespace,
    poolSize: config.poolSize,
    idleSeconds: config.idleSeconds,
    absoluteSeconds: config.absoluteSeconds,
    touchIntervalSeconds: config.touchIntervalSeconds,
    accessSeconds: config.accessSeconds,
    secret: Buffer.from(config.secret, 'base64'),
    maxTokenBytes: transport.maxTokenBytes,
    controlData: (userId) => payloadFor(userId, 0, config.payloadBytes),
    now: clock.now,
    onBackgroundError: onError,
  };
  const opened = await openStore(definition, context);
  const { store, touches } = countTouches(parts.wrapStore?.(opened, config) ?? opened);
  const inner = config.inner && (await (await import('./inner.ts')).openInner(config.inner, context));
  const app = createApp({ config, store, transport, inner, onError, now: clock.now });
  const isInner = config.inner !== undefined && config.inner.urls === undefined;
  return {
    async listen(at) {
      await app.listen(at);
      const address = app.server.address();
      return typeof address === 'object' && address !== null ? address.port : at.port;
    },
    async close() {
      await app.close();
      await inner?.close();
      await store.close();
    },
    roundTrips: () => store.roundTrips(),
    touches,
    count: async () => (await store.stats()).sessions,
    verifyCacheStats: store.verifyCacheStats,
    innerBytes: isInner ? countBytes(app.server) : undefined,
    sweep: traits.state === 'server' ? store.sweep : undefined,
  };
}

/** What a server tells of itself. */
interface Readings {
  stats: () => StatsMessage;
  weigh: () => Promise<number | undefined>;
  count: (() => Promise<number | undefined>) | undefined;
}

function handleMessages(
  { stats, weigh, count = () => Promise.resolve(undefined) }: Readings,
  clock: Clock,
  onError: (error: unknown) => void,
): void {
  process.on('message', (message: { type?: string } | ClockMessage | StatsRequest) => {
    if (message.type === 'stats' && 'weigh' in message)
      weigh().then((sessionBytes) => process.send?.({ ...stats(), sessionBytes }), onError);
    else if (message.type === 'stats' && 'count' in message)
      count().then((sessions) => process.send?.({ type: 'stats', sessions }), onError);
    else if (message.type === 'stats') process.send?.(stats());
    if (message.type !== 'clock' || !clock.isAdjustable) return;
    clock.setOffset((message as ClockMessage).offsetMs);
    process.send?.({ type: 'clock' });
  });
}
