import { parseServerConfig, type ServerConfig } from '../../servers/config.ts';
import { CONTROL } from '../../stores/registry.ts';
import type { StoreChoice } from '../config/store-choice.ts';
import { newSecrets, type RunContext } from '../environment/context.ts';
import { buildServer } from '../environment/programs.ts';
import { askStats, startServer } from '../environment/server.ts';
import { echoOf } from '../environment/server-echo.ts';
import { BenchError, messageOf } from '../errors.ts';
import { checkBaselineOptions } from './baseline-options.ts';

/**
 * Builds the server of the baseline, and checks with the control that it supports the protocol: it accepts its
 * configuration, reports its port and its round trips. A server that does not report its effective options must have
 * those of all arms, according to its own list. Returns the path of the program.
 * @throws BenchError SERVER_FAILED, which names the baseline; CONFLICT for an option that it does not have.
 */
export async function openBaselineServer(
  root: string,
  stores: readonly StoreChoice[],
  context: Pick<RunContext, 'guard' | 'signal'>,
): Promise<string> {
  const program = await buildServer(root).catch((cause: unknown) => {
    throw baselineError('its server to be built', messageOf(cause).slice(0, 500), cause);
  });
  const server = await startServer(controlConfig(), { ...context, programs: { server: program } }, 'base');
  try {
    const { roundTrips } = await askStats(server);
    if (typeof roundTrips !== 'number')
      throw baselineError('its server to report its round trips', 'another reply');
    if (echoOf(server.message) === undefined) await checkBaselineOptions(root, stores, context.signal);
    return program;
  } catch (error) {
    context.signal.throwIfAborted();
    if (error instanceof BenchError) throw error;
    throw baselineError('its server to report its round trips', messageOf(error), error);
  } finally {
    await server.stop();
  }
}

/** Keys without which a server does not start; the others have defaults in every commit. */
function controlConfig(): ServerConfig {
  const { signing: secret, password, adminPassword } = newSecrets();
  const required = { id: 's1', store: CONTROL.name, secret, password, adminPassword };
  return parseServerConfig(JSON.stringify(required));
}

function baselineError(expected: string, got: string, cause?: unknown): BenchError {
  return new BenchError({
    code: 'SERVER_FAILED',
    expected: `${expected}, at the baseline`,
    got,
    remedy: 'Name a later --base.',
    cause,
  });
}
