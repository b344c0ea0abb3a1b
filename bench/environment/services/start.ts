import type { ServiceDefinition } from '../../../stores/service.ts';
import { BenchError } from '../../errors.ts';
import { findTier, TIERS } from './find.ts';
import type { ServiceRequest, StartedService } from './service.ts';

/**
 * Starts a service on the tier asked for, or on the first of `auto` that this machine offers, and resolves
 * once it answers.
 * @throws BenchError SERVICE_MISSING when no such tier is to be had; SERVICE_UNREACHABLE or SERVICE_REFUSED
 * (url); SERVICE_DIED or PORT_IN_USE when an own one does not become ready. Nothing is left running then.
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
    expected: request.tier === 'auto' ? `${name} by some means` : `${name} by the tier ${request.tier}`,
    got: details.join('; '),
    remedy: `Run: sh scripts/setup.sh; or --services docker; or --${name}-url ${name}://USER:PASSWORD@HOST:PORT.`,
  });
}
