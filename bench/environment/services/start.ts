import type { ServiceDefinition } from '../../../stores/service.ts';
import { TIERS } from '../../config/words.ts';
import { BenchError } from '../../errors.ts';
import { findTier } from './find.ts';
import type { ServiceRequest, StartedService } from './service.ts';

/**
 * Starts a service on the requested tier, or for `auto` on the first available one, and resolves once it accepts
 * requests.
 * @throws BenchError SERVICE_MISSING when no such tier is available; SERVICE_UNREACHABLE or SERVICE_REFUSED (url);
 * SERVICE_DIED or PORT_IN_USE when it does not become ready. Then nothing is left running.
 */
export async function startService(
  definition: ServiceDefinition,
  request: ServiceRequest,
): Promise<StartedService> {
  const { name } = definition;
  const details: string[] = [];
  for (const tier of request.tier === 'auto' ? TIERS : [request.tier]) {
    const offer = await findTier(definition, tier, request.url);
    if (offer.start !== undefined) return offer.start(request);
    details.push(`${tier}: ${offer.detail}`);
  }
  throw new BenchError({
    code: 'SERVICE_MISSING',
    expected: request.tier === 'auto' ? `${name} on any tier` : `${name} on the tier ${request.tier}`,
    got: details.join('; '),
    remedy: `Run: sh scripts/setup.sh; or --services docker; or --${name}-url ${name}://USER:PASSWORD@HOST:PORT.`,
  });
}
