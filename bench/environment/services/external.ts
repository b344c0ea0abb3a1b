/** A service that runs already. */

import type { ServiceDefinition, ServiceProcess } from '../../../stores/service.ts';
import { commandOf, parentOf } from '../processes/process-identity.ts';
import { describeService, withOurErrors } from './describe.ts';
import { isLoopbackUrl, type ServiceRequest, type StartedService } from './service.ts';

/**
 * Takes it, and changes nothing of it.
 * @throws BenchError SERVICE_UNREACHABLE; SERVICE_REFUSED, also when it takes fewer connections than we need.
 */
export async function useExternal(
  definition: ServiceDefinition,
  url: string,
  { durability, maxConnections }: ServiceRequest,
): Promise<StartedService> {
  return {
    ...(await describeService(definition, url, durability, maxConnections)),
    tier: 'url',
    networking: 'url',
    pids: () => withOurErrors(definition, url, pidsBehind(definition, url)),
    died: new Promise(() => undefined),
    stop: async () => undefined,
  };
}

/** Root of its processes if it runs on this machine outside of any container: the pid that it names must be its program here. */
async function pidsBehind(definition: ServiceDefinition, url: string): Promise<number[]> {
  if (!isLoopbackUrl(url)) return [];
  const client = await definition.client();
  return (await client.inspectProcess(url, rootsOf)) ?? [];
}

function rootsOf({ pid, program, isChild }: ServiceProcess): number[] {
  const isProgram = (candidate: number) => commandOf(candidate)?.startsWith(program) === true;
  const root = isChild ? parentOf(pid) : pid;
  return isProgram(pid) && root !== undefined && isProgram(root) ? [root] : [];
}
