/** Containers on the host's network: a mapped port would add three times the latency that is measured. */

import { existsSync } from 'node:fs';
import { request } from 'node:http';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { WaitStrategy } from 'testcontainers';
import { BenchError, messageOf } from '../../errors.ts';
import type { Guard } from '../processes/guard.ts';
import { startTimeOf } from '../processes/process-identity.ts';
import { createOutputTail, type OutputTail } from '../processes/process-output.ts';
import { awaitReadiness, notReadyError, pollUntil } from '../processes/process-ready.ts';
import { openTogether, type Resources } from '../processes/resources.ts';

const PING_TIMEOUT_MS = 2_000;
const LAST_WORDS_MS = 200;

export interface ContainerOptions {
  /** For people: `redis`. */
  name: string;
  /** Official name; TESTCONTAINERS_HUB_IMAGE_NAME_PREFIX may prepend another registry. */
  image: string;
  command: readonly string[];
  env?: Readonly<Record<string, string>>;
  /** True once it is ready; a throw means never. */
  check: () => Promise<boolean>;
  /** From the start of the container, not of the pull, until it is ready, in milliseconds. */
  timeoutMs: number;
  guard: Guard;
  /** Aborts the start; a pull in progress is awaited. */
  signal?: AbortSignal | undefined;
  secrets?: readonly string[];
}

export interface StartedContainer {
  id: string;
  /** Its main process as seen by this machine; empty when it is not visible (an engine in a virtual machine). */
  pids(): Promise<number[]>;
  outputTail(): string;
  /** Resolves, with a description, when it ends other than by stop(); otherwise never settles. */
  died: Promise<string>;
  /** Kills and removes it with its volumes. Idempotent. */
  stop(): Promise<void>;
}

/** Socket of the engine that testcontainers would use; `undefined`: none, or one on another machine. */
export function engineSocket(): string | undefined {
  const host = process.env['DOCKER_HOST'];
  if (host !== undefined && host !== '')
    return host.startsWith('unix://') ? host.slice('unix://'.length) : undefined;
  const runtime = process.env['XDG_RUNTIME_DIR'];
  return [
    '/var/run/docker.sock',
    ...(runtime === undefined ? [] : [join(runtime, 'docker.sock')]),
    join(homedir(), '.docker', 'run', 'docker.sock'),
    join(homedir(), '.docker', 'desktop', 'docker.sock'),
  ].find((path) => existsSync(path));
}

/** Whether a Docker engine of this machine replies within 2 s. Never throws. */
export function isDockerAvailable(socketPath = engineSocket()): Promise<boolean> {
  if (socketPath === undefined) return Promise.resolve(false);
  return new Promise((resolve) => {
    const ping = request(
      { socketPath, path: '/_ping', signal: AbortSignal.timeout(PING_TIMEOUT_MS) },
      (reply) => {
        reply.resume();
        resolve(reply.statusCode === 200);
      },
    );
    ping.once('error', () => resolve(false));
    ping.end();
  });
}

/**
 * Starts a container on the host's network and resolves once it is ready.
 * @throws BenchError SERVICE_MISSING without an engine or the image; SERVICE_DIED (or PORT_IN_USE) when it ends or is
 * not ready in time; what `check` throws; the signal's reason. Then nothing is left.
 */
export function startContainer(options: ContainerOptions): Promise<StartedContainer> {
  const { name, image, signal, timeoutMs } = options;
  signal?.throwIfAborted();
  const output = createOutputTail(options.secrets ?? []);
  return openTogether(async (resources) => {
    const id = await createAndStart(options, output, resources);
    const engine = await engineClient();
    const handle = engine.getById(id);
    let isStopping = false;
    const ended = (handle.wait() as Promise<{ StatusCode: number }>).then(
      ({ StatusCode }) => `exit code ${StatusCode} of its container`,
      (error) => `no reply of the engine: ${messageOf(error)}`,
    );
    const outcome = await awaitReadiness({
      ready: (release) => pollUntil(options.check, release),
      ended,
      timeoutMs,
      signal,
    });
    if ('failed' in outcome) {
      // The log and the exit arrive on different connections.
      await new Promise((resolve) => setTimeout(resolve, LAST_WORDS_MS));
      throw notReadyError({ name, timeoutMs, failure: failureOf(image) }, outcome.failed, output.text());
    }
    return {
      id,
      pids: async () => {
        const { Pid } = (await engine.inspect(handle)).State;
        return startTimeOf(Pid) === undefined ? [] : [Pid];
      },
      outputTail: output.text,
      died: new Promise((resolve) => void ended.then((how) => (isStopping ? undefined : resolve(how)))),
      stop: () => {
        isStopping = true;
        return resources.close();
      },
    };
  });
}

/** The readiness check is the same on every tier, so testcontainers must not wait. */
const NO_WAIT: WaitStrategy = {
  waitUntilReady: async () => undefined,
  withStartupTimeout: () => NO_WAIT,
  isStartupTimeoutSet: () => false,
  getStartupTimeout: () => 0,
};

/** Returns the id; once the container exists, `resources` holds its removal. */
async function createAndStart(
  options: ContainerOptions,
  output: OutputTail,
  resources: Resources,
): Promise<string> {
  const { name, image, guard } = options;
  const socketPath = engineSocket();
  if (process.platform !== 'linux' || socketPath === undefined) {
    throw missingError(options, 'no Docker engine on this Linux machine');
  }
  const { GenericContainer } = await import('testcontainers');
  let isCreated = false;
  class GuardedContainer extends GenericContainer {
    /** Between create and start, so that even a kill -9 in between leaves no running container. */
    protected override async containerCreated(id: string): Promise<void> {
      isCreated = true;
      guard.watchContainer(id, socketPath ?? '');
      resources.add(`the container of ${name}`, async () => {
        await removeContainer(id);
        guard.unwatchContainer(id);
      });
    }
  }
  try {
    const container = await new GuardedContainer(image)
      .withNetworkMode('host')
      .withCommand([...options.command])
      .withEnvironment({ ...options.env })
      .withLabels({ 'session-bench': String(process.pid) })
      .withLogConsumer(output.follow)
      .withWaitStrategy(NO_WAIT)
      .start();
    return container.getId();
  } catch (cause) {
    if (!isCreated) throw missingError(options, messageOf(cause), cause);
    throw notReadyError({ ...options, failure: failureOf(image) }, messageOf(cause), output.text());
  }
}

/** The library takes half a second to load: only when a container is used. */
async function engineClient() {
  const { getContainerRuntimeClient } = await import('testcontainers');
  return (await getContainerRuntimeClient()).container;
}

/** Also kills it. Its data is discarded, so it need not shut down. */
async function removeContainer(id: string): Promise<void> {
  const engine = await engineClient();
  try {
    await engine.getById(id).remove({ force: true, v: true });
  } catch (error) {
    const isGone = error instanceof Error && 'statusCode' in error && error.statusCode === 404;
    if (!isGone) throw error;
  }
}

function failureOf(image: string): { code: 'SERVICE_DIED'; remedy: string } {
  return { code: 'SERVICE_DIED', remedy: `Run \`docker run --rm ${image}\` by hand to see why.` };
}

function missingError({ name, image }: ContainerOptions, got: string, cause?: unknown): BenchError {
  return new BenchError({
    code: 'SERVICE_MISSING',
    expected: `a Docker engine that has or can pull ${image} for ${name}`,
    got,
    remedy: `Run: docker pull ${image}; or name another tier, such as --services local.`,
    cause,
  });
}
