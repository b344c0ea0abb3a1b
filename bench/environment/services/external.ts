/** An external service. */

import type { ServiceDefinition, ServiceProcess } from '../../../stores/service.ts';
import { commandOf, parentOf } from '../processes/process-identity.ts';
import { describeService, withBenchErrors } from './describe.ts';
import { isLoopbackUrl, type ServiceRequest, type StartedService } from './service.ts';

/**
 * Uses it without changing its settings.
 * @throws BenchError SERVICE_UNREACHABLE; SERVICE_REFUSED, also when it accepts fewer connections than the run needs.
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
    pids: () => withBenchErrors(definition, url, pidsBehind(definition, url)),
    died: new Promise(() => undefined),
    stop: async () => undefined,
  };
}

/**
 * Root of its processes if it runs on this machine, outside of any container: the reported pid must be its program
 * here.
 */
async function pidsBehind(definition: ServiceDefinition, url: string): Promise<number[]> {
  if (!isLoopbackUrl(url)) return [];
  const client = await definition.client();
  return (await client.inspectProcess(url, rootsOf)) ?? [];
}

function rootsOf({ pid, program, isChild, others = [] }: ServiceProcess): number[] {
  const isProgram = (candidate: number) => commandOf(candidate)?.startsWith(program) === true;
  const root = isChild ? parentOf(pid) : pid;
  const isHere = isProgram(pid) && root !== undefined && isProgram(root) && others.every(isProgram);
  return isHere ? [root, ...others] : [];
}
