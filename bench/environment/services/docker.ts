/** The same servers with the same arguments, out of the official images. */

import { randomBytes } from 'node:crypto';
import { type ContainerOptions, type StartedContainer, startContainer } from '../docker.ts';
import { withFreePort } from '../port.ts';
import { openTogether } from '../resources.ts';
import {
  describePostgres,
  INITDB_ARGUMENTS,
  POSTGRES_DATABASE,
  POSTGRES_USER,
  postgresArguments,
  postgresUrl,
} from './postgres.ts';
import { answersQueries } from './postgres-client.ts';
import { answersAs, describeRedis, redisArguments, redisMark, setRedisPassword } from './redis.ts';
import {
  type DescribedService,
  diedError,
  LOOPBACK,
  type ServiceName,
  type ServiceRequest,
  START_TIMEOUT_MS,
  type StartedService,
} from './service.ts';

/** Official images by their official names. */
export const IMAGES: Readonly<Record<ServiceName, string>> = { redis: 'redis:7.0', postgres: 'postgres:15' };

/** Starts Redis in a container. @throws as {@link startContainer}. */
export function startDockerRedis(request: ServiceRequest): Promise<StartedService> {
  const mark = redisMark();
  return startDockerService('redis', request, (port) => ({
    options: {
      // The image's own working directory, which is its volume.
      command: ['redis-server', ...redisArguments({ port, directory: './', mark }, request.durability)],
      check: () => answersAs(port, mark),
    },
    describe: async () => describeRedis(await setRedisPassword(port), request.durability),
  }));
}

/** Starts Postgres in a container. @throws as {@link startContainer}. */
export function startDockerPostgres(request: ServiceRequest): Promise<StartedService> {
  const { maxConnections, durability } = request;
  const password = randomBytes(18).toString('base64url');
  return startDockerService('postgres', request, (port) => ({
    options: {
      command: ['postgres', ...postgresArguments(port, maxConnections, durability)],
      env: {
        POSTGRES_USER,
        POSTGRES_DB: POSTGRES_DATABASE,
        POSTGRES_PASSWORD: password,
        POSTGRES_INITDB_ARGS: INITDB_ARGUMENTS.join(' '),
      },
      check: () => answersQueries(postgresUrl(password, port)),
      secrets: [password],
    },
    describe: () => describePostgres(postgresUrl(password, port), durability),
  }));
}

interface DockerPlan {
  options: Pick<ContainerOptions, 'command' | 'env' | 'check' | 'secrets'>;
  describe: () => Promise<DescribedService>;
}

function startDockerService(
  name: ServiceName,
  { guard, signal }: ServiceRequest,
  plan: (port: number) => DockerPlan,
): Promise<StartedService> {
  return openTogether(async (resources) => {
    const { container, describe } = await withFreePort(LOOPBACK, async (port) => {
      const { options, describe } = plan(port);
      const base = { name, image: IMAGES[name], timeoutMs: START_TIMEOUT_MS, guard, signal };
      const container: StartedContainer = await startContainer({ ...base, ...options });
      return { container, describe };
    });
    resources.add(`the container of ${name}`, () => container.stop());
    return {
      ...(await describe()),
      tier: 'docker',
      networking: 'docker-host-network',
      pids: container.pids,
      died: container.died.then((how) => diedError(name, how, container.outputTail())),
      stop: () => resources.close(),
    };
  });
}
