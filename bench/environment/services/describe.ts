/** What a running service reports about itself, on any tier, with the errors of the harness. */

import {
  DURABILITIES,
  type Durability,
  PROBE_TIMEOUT_MS,
  type ServiceDefinition,
  ServiceError,
} from '../../../stores/service.ts';
import { BenchError, redactUrl } from '../../errors.ts';
import type { StartedService } from './service.ts';

/** The part of a started service that the client provides. */
type DescribedService = Omit<StartedService, 'tier' | 'networking' | 'pids' | 'died' | 'stop'>;

/**
 * Inspects a service.
 * @param connections that the run opens, to check whether the service accepts that many.
 * @throws BenchError SERVICE_UNREACHABLE, SERVICE_REFUSED.
 */
export async function describeService(
  definition: ServiceDefinition,
  url: string,
  durability: Durability,
  connections?: number,
): Promise<DescribedService> {
  const client = await definition.client();
  const ask = <T>(reply: Promise<T>) => withBenchErrors(definition, url, reply);
  const { version, settings, notes, servers } = await ask(client.inspect(url, connections));
  return {
    name: definition.name,
    definition,
    url,
    redactedUrl: redactUrl(url),
    version,
    settings,
    notes,
    ...(servers === undefined ? {} : { servers }),
    durabilityMatches: client.durabilityMatches(settings, durability),
    settle: () => ask(client.settle(url)),
    dataBytes: () => ask(client.dataBytes(url)),
    dump: () => ask(client.dump(url)),
    purge: (namespace) => ask(client.purge(url, namespace)),
    ...(client.limitRoom === undefined
      ? {}
      : { limitRoom: async (whenFull) => ask(client.limitRoom?.(url, whenFull) ?? Promise.resolve()) }),
  };
}

/**
 * An external service may have other settings than requested: its figures would be mislabelled.
 * @throws BenchError SERVICE_REFUSED, with the durability that it has.
 */
export async function checkDurability(
  { name, settings, definition, durabilityMatches }: DescribedService,
  durability: Durability,
): Promise<void> {
  if (durabilityMatches !== false) return;
  const client = await definition.client();
  const own = DURABILITIES.findLast((one) => client.durabilityMatches(settings, one) === true);
  throw new BenchError({
    code: 'SERVICE_REFUSED',
    expected: `${name} to be set to --durability ${durability}`,
    got: definition.durabilitySettings.map((key) => `${key}=${settings[key] || '(none)'}`).join(', '),
    remedy: `${own === undefined ? 'Change' : `Name --durability ${own}, or change`} its settings.`,
  });
}

/** Converts a ServiceError to a BenchError; other errors are unchanged. */
export async function withBenchErrors<T>(
  definition: ServiceDefinition,
  url: string,
  reply: Promise<T>,
): Promise<T> {
  try {
    return await reply;
  } catch (error) {
    throw error instanceof ServiceError ? toBenchError(definition, url, error) : error;
  }
}

function toBenchError({ name }: ServiceDefinition, url: string, error: ServiceError): BenchError {
  const { kind, advice, message: got, cause = error } = error;
  const where = `${name} at ${redactUrl(url)}`;
  if (kind === 'unreachable')
    return new BenchError({
      code: 'SERVICE_UNREACHABLE',
      expected: `${where} to reply within ${PROBE_TIMEOUT_MS} ms`,
      got,
      remedy: `Start it, or correct --${name}-url, or leave that out to have one started.`,
      cause,
    });
  return new BenchError({
    code: 'SERVICE_REFUSED',
    expected: `${where} ${advice?.expected ?? 'to accept the login'}`,
    got,
    remedy:
      advice?.remedy ??
      `Put the correct user and password into the URL: --${name}-url ${name}://USER:PASSWORD@HOST:PORT.`,
    cause,
  });
}
