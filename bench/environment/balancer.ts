import { mkdirSync, writeFileSync } from 'node:fs';
import type { Balancer, Upstream } from '../../servers/balancers/balancer.ts';
import { haproxy } from '../../servers/balancers/haproxy.ts';
import { nginx } from '../../servers/balancers/nginx.ts';
import { node } from '../../servers/balancers/node.ts';
import type { Config } from '../config/config.ts';
import { BenchError } from '../errors.ts';
import type { Guard } from './processes/guard.ts';
import { withFreePort } from './processes/port.ts';
import { type StartedProcess, startProcess } from './processes/process.ts';
import type { Programs } from './programs.ts';

/** In the order of preference of `auto`. */
export const BALANCERS: readonly Balancer[] = [haproxy, nginx, node];

const START_TIMEOUT_MS = 10_000;
const HOST = '127.0.0.1';

/** The balancer of a run: the definition, its program, and its version. */
export interface ChosenBalancer {
  balancer: Balancer;
  binary: string;
  version: string;
}

/**
 * The balancer of this name on this machine; `undefined` for `none`.
 * @throws BenchError BALANCER_MISSING when it is not installed, BALANCER_FAILED when it cannot be run.
 */
export async function chooseBalancer(
  name: Config['balancer'],
  programs: Programs,
): Promise<ChosenBalancer | undefined> {
  if (name === 'none') return undefined;
  for (const balancer of BALANCERS.filter((candidate) => name === 'auto' || candidate.name === name)) {
    const binary = balancer.name === 'node' ? programs.balancer : balancer.find();
    if (binary !== undefined) return { balancer, binary, version: await balancer.version(binary) };
  }
  throw new BenchError({
    code: 'BALANCER_MISSING',
    expected: `${name} on this machine`,
    got: 'no such program',
    remedy: `Run sh scripts/setup.sh, or use --balancer node.`,
  });
}

export interface BalancerRequest {
  chosen: ChosenBalancer;
  upstreams: readonly Upstream[];
  affinity: 'sticky' | 'round-robin';
  directory: string;
  /** Processors that it may use; default all. */
  cpus?: string | undefined;
  guard: Guard;
  signal: AbortSignal;
}

/** Starts the balancer on a free port of the loopback. @throws BenchError BALANCER_FAILED */
export function startBalancer(request: BalancerRequest): Promise<StartedProcess> {
  const { chosen, upstreams, affinity, directory, cpus, guard, signal } = request;
  const { balancer, binary } = chosen;
  return withFreePort(HOST, async (port) => {
    const home = `${directory}/${balancer.name}-${port}`;
    mkdirSync(home);
    const launch = balancer.launch(binary, { host: HOST, port, upstreams, affinity, directory: home });
    for (const { path, text } of launch.files) writeFileSync(path, text);
    return startProcess({
      name: balancer.name,
      command: launch.command,
      args: launch.args,
      cpus,
      ...(launch.env === undefined ? {} : { env: launch.env }),
      ready: launch.ready === 'ipc' ? 'ipc' : { tcp: { host: HOST, port } },
      timeoutMs: START_TIMEOUT_MS,
      guard,
      signal,
      failure: { code: 'BALANCER_FAILED', remedy: 'Try --balancer node, and see pnpm bench doctor.' },
    });
  });
}
