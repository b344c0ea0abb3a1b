/** A service that the harness starts, from programs of this machine or of an npm package. */

import { chmodSync, chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isOpenToAll } from '../../../stores/programs.ts';
import {
  LOOPBACK,
  type ServerPlan,
  type ServerPrograms,
  type ServiceDefinition,
} from '../../../stores/service.ts';
import { BenchError, messageOf } from '../../errors.ts';
import { withFreePort } from '../processes/port.ts';
import { exitText, type ProcessOptions, type StartedProcess, startProcess } from '../processes/process.ts';
import { openTogether } from '../processes/resources.ts';
import { describeService } from './describe.ts';
import {
  breakable,
  diedError,
  type ServiceRequest,
  START_TIMEOUT_MS,
  type StartedService,
} from './service.ts';

/** `nobody`, for programs that refuse to run as root. */
const UNPRIVILEGED_ID = 65_534;
const RESTART_WITHIN_MS = 15_000;
const RESTART_POLL_MS = 100;

/** Starts it. @throws BenchError SERVICE_DIED when it does not become ready. */
export function startPrograms(
  definition: ServiceDefinition,
  programs: ServerPrograms,
  tier: 'local' | 'embedded',
  request: ServiceRequest,
): Promise<StartedService> {
  const { name } = definition;
  const { guard, durability, maxConnections, cpus, signal } = request;
  return openTogether(async (resources) => {
    const server = await definition.server();
    const owner = server.refusesRoot === true ? unprivileged() : {};
    const directory = makeDirectory(name, request.directory, owner);
    resources.add(`the data of ${name}`, () =>
      rmSync(directory, { recursive: true, force: true, maxRetries: 3 }),
    );
    const plan = server.plan({ durability, maxConnections, place: { programs, directory } });
    const own = {
      guard,
      ...owner,
      cwd: directory,
      secrets: plan.secrets,
      ...(plan.env === undefined ? {} : { env: plan.env }),
      ...(signal === undefined ? {} : { signal }),
      timeoutMs: START_TIMEOUT_MS,
    };
    if (plan.initialise !== undefined) await initialise(plan.initialise, directory, own);

    const launch = (port: number): Promise<StartedProcess> =>
      startProcess({
        ...own,
        name,
        cpus,
        command: plan.command,
        args: plan.args(port),
        ready: { check: () => plan.isReady(port) },
        failure: { code: 'SERVICE_DIED', remedy: `Start ${plan.command} by hand to see why.` },
        ...(plan.stopSignal === undefined ? {} : { stopSignal: plan.stopSignal }),
      });
    const first = await withFreePort(LOOPBACK, async (port) => ({ process: await launch(port), port }));
    const { port } = first;
    let current = first.process;
    resources.add(name, () => current.stop());
    await plan.onReady?.(port);
    return {
      ...(await describeService(definition, plan.url(port), durability)),
      tier,
      networking: 'loopback-tcp',
      pids: async () => [current.pid],
      died: new Promise((resolve) => {
        current.onUnexpectedExit((exit) => resolve(diedError(name, exitText(exit), current.outputTail())));
      }),
      breakable: breakable(
        () => current,
        async () => {
          current = await restart(plan, () => launch(port));
          await plan.onReady?.(port);
        },
      ),
      stop: () => resources.close(),
    };
  });
}

/** Restarts it, retrying for a while after transient failures. */
async function restart(plan: ServerPlan, launch: () => Promise<StartedProcess>): Promise<StartedProcess> {
  const deadlineMs = performance.now() + RESTART_WITHIN_MS;
  for (;;) {
    try {
      return await launch();
    } catch (error) {
      const isTransient = plan.isTransient?.(messageOf(error)) === true;
      if (!isTransient || performance.now() > deadlineMs) throw error;
    }
    await sleep(RESTART_POLL_MS);
  }
}

type Owner = Pick<ProcessOptions, 'uid' | 'gid'>;

function unprivileged(): Owner {
  return process.getuid?.() === 0 ? { uid: UNPRIVILEGED_ID, gid: UNPRIVILEGED_ID } : {};
}

function makeDirectory(name: string, parent: string, { uid, gid }: Owner): string {
  const directory = mkdtempSync(join(parent, `${name}-`));
  if (uid === undefined || gid === undefined) return directory;
  chownSync(directory, uid, gid);
  // Others may traverse it, but not list it.
  chmodSync(parent, 0o711);
  if (isOpenToAll(parent)) return directory;
  throw new BenchError({
    code: 'SERVICE_DIED',
    expected: `a directory that user ${uid} can traverse, for root runs ${name} as that user`,
    got: parent,
    remedy: 'Set TMPDIR to one that is open to all, such as /tmp.',
  });
}

async function initialise(
  { command, args, files }: NonNullable<ServerPlan['initialise']>,
  directory: string,
  own: Omit<ProcessOptions, 'name' | 'command' | 'args' | 'ready' | 'failure'>,
): Promise<void> {
  const paths = Object.entries(files).map(([name, content]) => {
    const path = join(directory, name);
    writeFileSync(path, content, { mode: 0o600 });
    if (own.uid !== undefined && own.gid !== undefined) chownSync(path, own.uid, own.gid);
    return path;
  });
  const remedy = `Start ${command} by hand to see why.`;
  const process = await startProcess({
    ...own,
    name: command,
    command,
    args,
    ready: 'spawned',
    failure: { code: 'SERVICE_DIED', remedy },
  });
  const { code, signal } = await process.exited;
  for (const path of paths) rmSync(path);
  if (code === 0) return;
  throw new BenchError({
    code: 'SERVICE_DIED',
    expected: `${command} to create the data of a new server`,
    got: `${exitText({ code, signal })}, with the output "${process.outputTail().slice(-1_000)}"`,
    remedy,
  });
}
