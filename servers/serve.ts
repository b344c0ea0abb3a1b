import type { FastifyInstance } from 'fastify';
import { openStore } from '../stores/open.ts';
import { effectiveOptions } from '../stores/options.ts';
import { findStore } from '../stores/registry.ts';
import type { SessionStore, StoreDefinition } from '../stores/store.ts';
import { traitsOf } from '../stores/traits.ts';
import { createApp } from './app.ts';
import { type Clock, type ClockMessage, createClock } from './clock.ts';
import { parseServerConfig, SERVER_CONFIG_ENV, type ServerConfig } from './config.ts';
import { errorReporter } from './error-reporter.ts';
import { payloadFor, type ReadyMessage } from './protocol.ts';
import { bearerTransport, cookieTransport, type Transport } from './session-plugin.ts';
import { bytesOfSessions, type StatsMessage, type StatsRequest, watchProcess } from './stats.ts';

/** Connections that may wait to be accepted: Node's 511 turn a balancer's burst of a thousand into time-outs. */
const BACKLOG = 4096;

/** Seams by which a test's own entry plants faults. No configuration reaches them, and our own entry passes none. */
export interface ServeParts {
  changeConfig?: (config: ServerConfig) => ServerConfig;
  wrapDefinition?: (definition: StoreDefinition) => StoreDefinition;
  wrapStore?: (store: SessionStore, config: ServerConfig) => SessionStore;
  wrapTransport?: (transport: Transport, config: ServerConfig) => Transport;
}

/**
 * One server process: its configuration comes in by the environment, `ready` goes out over IPC. Resolves once it
 * accepts connections; it leaves on SIGTERM.
 * @throws Error when the configuration is no good, StoreUnavailableError when the service does not answer.
 */
export async function serve(parts: ServeParts = {}): Promise<void> {
  const given = parseServerConfig(process.env[SERVER_CONFIG_ENV]);
  const config = parts.changeConfig?.(given) ?? given;
  const found = findStore(config.store);
  if (found === undefined) throw new Error(`no store is named ${config.store}`);
  const definition = parts.wrapDefinition?.(found) ?? found;
  const options = effectiveOptions(definition, config.options);
  const traits = traitsOf(definition, options, config.durability);
  const refresh = traits.refresh === 'rotating';
  const plain = config.transport === 'cookie' ? cookieTransport({ refresh }) : bearerTransport({ refresh });
  const transport = parts.wrapTransport?.(plain, config) ?? plain;
  const clock = createClock(config);
  const onError = errorReporter();
  const opened = await openStore(definition, {
    options,
    durability: config.durability,
    ...(config.serviceUrl === undefined ? {} : { serviceUrl: config.serviceUrl }),
    ...(config.privateKeyPem === undefined ? {} : { privateKeyPem: config.privateKeyPem }),
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
  });
  const store = parts.wrapStore?.(opened, config) ?? opened;
  const app = createApp({ config, store, transport, onError, now: clock.now });
  leaveWhenTold(app, store, onError);
  const sweep = traits.state === 'server' ? store.sweep : undefined;
  const weigh = () => bytesOfSessions(sweep, clock, config.absoluteSeconds);
  answerMessages(watchProcess(store), clock, weigh, onError);
  await app.listen({ host: config.host, port: config.port, backlog: BACKLOG });
  const address = app.server.address();
  const port = typeof address === 'object' && address !== null ? address.port : config.port;
  process.send?.({ type: 'ready', port, store: config.store, options } satisfies ReadyMessage);
}

function leaveWhenTold(app: FastifyInstance, store: SessionStore, onError: (error: unknown) => void): void {
  let leaving = false;
  const leave = async () => {
    if (leaving) return;
    leaving = true;
    await app.close();
    await store.close();
    process.exit(0);
  };
  const leaveOrFail = () => {
    leave().catch((error: unknown) => {
      onError(error);
      process.exit(1);
    });
  };
  process.on('SIGTERM', leaveOrFail);
  process.on('SIGINT', leaveOrFail);
  // The harness is gone, even by kill -9: nobody would end this process any more.
  process.on('disconnect', () => process.exit(0));
}

function answerMessages(
  stats: () => StatsMessage,
  clock: Clock,
  weigh: () => Promise<number>,
  onError: (error: unknown) => void,
): void {
  process.on('message', (message: { type?: string } | ClockMessage | StatsRequest) => {
    if (message.type === 'stats' && 'weigh' in message)
      weigh().then((sessionBytes) => process.send?.({ ...stats(), sessionBytes }), onError);
    else if (message.type === 'stats') process.send?.(stats());
    if (message.type !== 'clock' || !clock.isAdjustable) return;
    clock.setOffset((message as ClockMessage).offsetMs);
    process.send?.({ type: 'clock' });
  });
}
