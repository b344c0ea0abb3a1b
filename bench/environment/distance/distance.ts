/** `--store-distance`: a relay between servers and service, which delays each direction by half of it. */

import { STEADY_FLAGS } from '../../../servers/node-flags.ts';
import { LOOPBACK } from '../../../stores/service.ts';
import { hostOf } from '../../../stores/service-url.ts';
import type { RunContext } from '../context.ts';
import { type StartedProcess, startProcess } from '../processes/process.ts';
import { openTogether } from '../processes/resources.ts';
import { openEchoClient, startEcho } from './echo.ts';
import { DISTANCE_PLAN_VARIABLE, type DistancePlan, type DistanceReady } from './plan.ts';

const START_TIMEOUT_MS = 10_000;

/** A service at a distance. */
export interface Distance {
  /** The service through the relay, with credentials: for servers, never for people or files. */
  url: string;
  process: StartedProcess;
  /** Measures the round trip through the relay until the returned function is called, which returns each, µs. */
  watch(): () => number[];
  stop(): Promise<void>;
}

/**
 * Starts the relay.
 * @param serviceUrl with host and port, of plain TCP (`checkDistance`).
 * @throws BenchError SERVER_FAILED when it does not start.
 */
export function openDistance(
  roundTripMs: number,
  serviceUrl: string,
  { programs, pinning, guard, signal }: Pick<RunContext, 'programs' | 'pinning' | 'guard' | 'signal'>,
): Promise<Distance> {
  return openTogether(async (resources) => {
    const echo = await startEcho();
    resources.add('echo server', echo.close);
    const url = new URL(serviceUrl);
    const plan: DistancePlan = {
      oneWayMs: roundTripMs / 2,
      targets: [
        { host: hostOf(url), port: Number(url.port) },
        { host: LOOPBACK, port: echo.port },
      ],
    };
    const relay = await startProcess({
      name: 'relay of --store-distance',
      command: process.execPath,
      args: [...STEADY_FLAGS, programs.distance],
      env: { [DISTANCE_PLAN_VARIABLE]: JSON.stringify(plan) },
      // Part of the rig, as the balancer: it takes nothing from the processors of servers and service.
      cpus: pinning?.balancer,
      ready: 'ipc',
      timeoutMs: START_TIMEOUT_MS,
      guard,
      signal,
      failure: { code: 'SERVER_FAILED', remedy: 'Find the cause in that output, then run again.' },
    });
    resources.add('relay', relay.stop);
    const { ports } = relay.message as unknown as DistanceReady;
    const [port, echoPort] = ports;
    const client = await openEchoClient(echoPort);
    resources.add('echo client', client.close);
    return { url: relayed(url, port), process: relay, watch: client.watch, stop: resources.close };
  });
}

function relayed(url: URL, port: number): string {
  const own = new URL(url);
  own.hostname = LOOPBACK;
  own.port = String(port);
  return own.href;
}
