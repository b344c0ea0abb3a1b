import { findStore } from '../stores/registry.ts';
import { defaultOptions } from '../stores/store.ts';
import { createApp } from './app.ts';
import { parseServerConfig, SERVER_CONFIG_ENV } from './config.ts';
import { payloadFor, type ReadyMessage } from './protocol.ts';
import { bearerTransport, cookieTransport } from './session-plugin.ts';
import { watchProcess } from './stats.ts';

/** Connections that may wait to be accepted: Node's 511 turn a balancer's burst of a thousand into time-outs. */
const BACKLOG = 4096;

/** One server process: its configuration comes in by the environment, `ready` goes out over IPC. */
async function main(): Promise<void> {
  const config = parseServerConfig(process.env[SERVER_CONFIG_ENV]);
  const definition = findStore(config.store);
  if (definition === undefined) throw new Error(`no store is named ${config.store}`);
  const transport = config.transport === 'cookie' ? cookieTransport() : bearerTransport();
  const report = errorReporter();
  const store = await definition.open({
    options: { ...defaultOptions(definition), ...config.options },
    durability: config.durability,
    ...(config.serviceUrl === undefined ? {} : { serviceUrl: config.serviceUrl }),
    ...(config.privateKeyPem === undefined ? {} : { privateKeyPem: config.privateKeyPem }),
    namespace: config.namespace,
    poolSize: config.poolSize,
    idleSeconds: config.idleSeconds,
    absoluteSeconds: config.absoluteSeconds,
    touchIntervalSeconds: config.touchIntervalSeconds,
    secret: Buffer.from(config.secret, 'base64'),
    maxTokenBytes: transport.maxTokenBytes,
    controlData: (userId) => payloadFor(userId, 0, config.payloadBytes),
    now: Date.now,
    onBackgroundError: report,
  });
  const app = createApp({ config, store, transport, onError: report });
  const stats = watchProcess(() => store.roundTrips());

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
      report(error);
      process.exit(1);
    });
  };
  process.on('SIGTERM', leaveOrFail);
  process.on('SIGINT', leaveOrFail);
  // The harness is gone, even by kill -9: nobody would end this process any more.
  process.on('disconnect', () => process.exit(0));
  process.on('message', (message: { type?: string }) => {
    if (message.type !== 'stats') return;
    process.send?.(stats());
  });

  await app.listen({ host: config.host, port: config.port, backlog: BACKLOG });
  const address = app.server.address();
  const port = typeof address === 'object' && address !== null ? address.port : config.port;
  process.send?.({ type: 'ready', port } satisfies ReadyMessage);
}

/** Writes failures to standard error, at most one line a second of each kind: an outage fails every request. */
function errorReporter(): (error: unknown) => void {
  const last = new Map<string, number>();
  return (error) => {
    const cause = error instanceof Error && error.cause instanceof Error ? `: ${error.cause.message}` : '';
    const line = `${error instanceof Error ? error.message : String(error)}${cause}`;
    const at = Date.now();
    if (at - (last.get(line) ?? 0) < 1000) return;
    if (last.size > 100) last.clear();
    last.set(line, at);
    process.stderr.write(`${line.replaceAll('\n', ' ')}\n`);
  };
}

main().catch((error: unknown) => {
  errorReporter()(error);
  process.exit(1);
});
