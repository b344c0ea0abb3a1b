import { mkdirSync, writeFileSync } from 'node:fs';
import type { Balancer, BalancerPlan, Upstream } from '../../servers/balancers/balancer.ts';
import { haproxy } from '../../servers/balancers/haproxy.ts';
import { nginx } from '../../servers/balancers/nginx.ts';
import { node } from '../../servers/balancers/node.ts';
import { isOlder } from '../../servers/balancers/program.ts';
import { freePort } from '../../stores/free-port.ts';
import type { Config } from '../config/config.ts';
import { BenchError, messageOf } from '../errors.ts';
import type { Certificates } from './certificates.ts';
import { checkEdge } from './edge.ts';
import type { Guard } from './processes/guard.ts';
import { withFreePort } from './processes/port.ts';
import { type StartedProcess, startProcess } from './processes/process.ts';
import type { Programs } from './programs.ts';

/** In the order of preference of `auto`. */
export const BALANCERS: readonly Balancer[] = [haproxy, nginx, node];

const START_TIMEOUT_MS = 10_000;
const HOST = '127.0.0.1';
const REMEDY = 'Try another --balancer, and see pnpm bench doctor.';

/** The balancer of a run: the definition, its program, and its version. */
export interface ChosenBalancer {
  balancer: Balancer;
  binary: string;
  version: string;
}

/** One balancer on this machine. `chosen` is missing when it cannot be used; `detail` then says why. */
export interface BalancerOffer {
  /** For people: `2.6.12 (/usr/sbin/haproxy)`, `not installed`. */
  detail: string;
  /** Whether there is a program at all. */
  isInstalled: boolean;
  chosen?: ChosenBalancer;
}

/** Looks for the program of a balancer. @param entry of the built-in one, which is built for each run. */
export async function offerOf(balancer: Balancer, entry?: string): Promise<BalancerOffer> {
  const isBuiltIn = balancer.name === 'node';
  const binary = isBuiltIn && entry !== undefined ? entry : balancer.find();
  if (binary === undefined) return { detail: 'not installed', isInstalled: false };
  try {
    const version = await balancer.version(binary);
    const detail = isBuiltIn ? 'built in' : `${version} (${binary})`;
    const { least } = balancer;
    if (least !== undefined && isOlder(version, least)) {
      return { detail: `${detail}, too old: ${least} or newer is needed`, isInstalled: true };
    }
    return { detail, isInstalled: true, chosen: { balancer, binary, version } };
  } catch (error) {
    // Built for another machine, or without its libraries.
    return { detail: messageOf(error), isInstalled: true };
  }
}

/**
 * The balancer of this name on this machine; `undefined` for `none`. `auto` is the first that can be used.
 * @param tls only one that terminates TLS.
 * @throws BenchError BALANCER_MISSING when it is not installed, BALANCER_FAILED when it is too old or cannot be run.
 */
export async function chooseBalancer(
  name: Config['balancer'],
  programs: Programs,
  tls = false,
): Promise<ChosenBalancer | undefined> {
  if (name === 'none') return undefined;
  const named = BALANCERS.filter((candidate) => name === 'auto' || candidate.name === name);
  for (const balancer of named.filter(({ terminatesTls }) => terminatesTls || !tls)) {
    const { chosen, detail, isInstalled } = await offerOf(balancer, programs.balancer);
    if (chosen !== undefined) return chosen;
    if (name === 'auto' || !isInstalled) continue;
    throw new BenchError({
      code: 'BALANCER_FAILED',
      expected: `${name} on this machine${balancer.least === undefined ? '' : `, ${balancer.least} or newer`}`,
      got: detail,
      remedy: `Install another version, or ${tls ? 'leave --tls out' : 'use --balancer node'}.`,
    });
  }
  throw new BenchError({
    code: 'BALANCER_MISSING',
    expected: `${name === 'auto' ? 'a balancer that terminates TLS' : name} on this machine`,
    got: 'no such program',
    remedy: `Run sh scripts/setup.sh, or ${tls ? 'leave --tls out' : 'use --balancer node'}.`,
  });
}

/** How it is started. @throws BenchError BALANCER_FAILED for a directory that its configuration cannot name. */
function launchOf({ balancer, binary, version }: ChosenBalancer, plan: BalancerPlan) {
  try {
    return balancer.launch(binary, plan, version);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new BenchError({
      code: 'BALANCER_FAILED',
      expected: 'a plan that its configuration can express',
      got: error.message,
      remedy: 'Set TMPDIR to a folder without such characters in its path, or use --balancer node.',
      cause: error,
    });
  }
}

export interface BalancerRequest {
  chosen: ChosenBalancer;
  upstreams: readonly Upstream[];
  affinity: 'sticky' | 'round-robin';
  directory: string;
  /** Processors that it may use; default all. */
  cpus?: string | undefined;
  /** It terminates TLS with these; absent: plain HTTP. */
  certificates?: Certificates | undefined;
  /** With TLS: whether a port for plain HTTP beside it redirects to it; default not. */
  redirects?: boolean;
  guard: Guard;
  signal: AbortSignal;
}

/** A balancer that serves. */
export interface RunningBalancer extends StartedProcess {
  /** Its address, http or https. */
  url: string;
  /** The address that redirects to it; `undefined` without one. */
  plainUrl: string | undefined;
}

/**
 * Starts the balancer on a free port of the loopback. With TLS it has proven what it speaks when it returns.
 * @throws BenchError BALANCER_FAILED
 */
export function startBalancer(request: BalancerRequest): Promise<RunningBalancer> {
  const { chosen, upstreams, affinity, directory, cpus, certificates, redirects = false } = request;
  const { guard, signal } = request;
  const { balancer } = chosen;
  return withFreePort(HOST, async (port) => {
    const home = `${directory}/${balancer.name}-${port}`;
    mkdirSync(home);
    const plainPort = certificates !== undefined && redirects ? await freePort(HOST) : undefined;
    const tls = certificates && {
      certificate: certificates.certificate,
      ...(plainPort === undefined ? {} : { plainPort }),
    };
    const place = { host: HOST, port, upstreams, affinity, directory: home };
    const launch = launchOf(chosen, { ...place, ...(tls === undefined ? {} : { tls }) });
    for (const { path, text } of launch.files) writeFileSync(path, text);
    const process = await startProcess({
      name: balancer.name,
      command: launch.command,
      args: launch.args,
      cpus,
      ...(launch.env === undefined ? {} : { env: launch.env }),
      ready: launch.ready === 'ipc' ? 'ipc' : { tcp: { host: HOST, port } },
      timeoutMs: START_TIMEOUT_MS,
      guard,
      signal,
      failure: { code: 'BALANCER_FAILED', remedy: REMEDY },
    });
    try {
      if (certificates !== undefined) await checkEdge(balancer.name, port, certificates.ca);
    } catch (error) {
      await process.stop();
      // Another program took the port first, and nginx went on trying to have it.
      if (error instanceof BenchError && /wrong version number/.test(error.details.got))
        throw new BenchError({ ...error.details, code: 'PORT_IN_USE' });
      throw error;
    }
    return {
      ...process,
      url: `${certificates === undefined ? 'http' : 'https'}://${HOST}:${port}`,
      plainUrl: plainPort === undefined ? undefined : `http://${HOST}:${plainPort}`,
    };
  });
}
