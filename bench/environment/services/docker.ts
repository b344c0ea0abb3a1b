/** The same servers with the same arguments, from the official images. */

import { LOOPBACK, type ServiceDefinition } from '../../../stores/service.ts';
import { withFreePort } from '../processes/port.ts';
import { openTogether } from '../processes/resources.ts';
import { startContainer } from './container.ts';
import { describeService } from './describe.ts';
import { diedError, type ServiceRequest, START_TIMEOUT_MS, type StartedService } from './service.ts';

/** Starts a service in a container. @throws as {@link startContainer}. */
export function startDocker(
  definition: ServiceDefinition,
  { guard, signal, durability, maxConnections }: ServiceRequest,
): Promise<StartedService> {
  const { name, image } = definition;
  return openTogether(async (resources) => {
    const plan = (await definition.server()).plan({ durability, maxConnections });
    const { container, port } = await withFreePort(LOOPBACK, async (port) => ({
      port,
      container: await startContainer({
        name,
        image,
        command: [plan.command, ...plan.args(port)],
        ...(plan.env === undefined ? {} : { env: plan.env }),
        secrets: plan.secrets,
        check: () => plan.isReady(port),
        timeoutMs: START_TIMEOUT_MS,
        guard,
        signal,
      }),
    }));
    resources.add(`the container of ${name}`, () => container.stop());
    await plan.onReady?.(port);
    return {
      ...(await describeService(definition, plan.url(port), durability)),
      tier: 'docker',
      networking: 'docker-host-network',
      pids: container.pids,
      died: container.died.then((how) => diedError(name, how, container.outputTail())),
      stop: () => resources.close(),
    };
  });
}
