/** The configuration of the relay's process, as JSON in one environment variable. */

import { assertPlan, type BalancerPlan } from '../balancer.ts';

export const PLAN_VARIABLE = 'SESSION_BENCH_BALANCER';

/** Time limits of the relay, in milliseconds. The defaults equal those of the other balancers. */
export interface RelayTimeouts {
  /** For a TCP connection to a server. */
  connectMs: number;
  /** For a server's next byte after the whole request was sent: 504, or a cut reply. */
  serverMs: number;
  /** For a client's next byte within a request (408), or for it to read what it is sent. */
  clientMs: number;
  /** For the next request on a client's idle connection. */
  keepAliveMs: number;
  /** For a client to close its half after the relay has closed its own. */
  lingerMs: number;
  /** An idle connection to a server is not reused after this; shorter than the 5 s of node:http. */
  upstreamIdleMs: number;
  /** Between two health probes of a server. */
  probeIntervalMs: number;
  /** For the reply to a health probe. */
  probeMs: number;
}

export const DEFAULT_TIMEOUTS: RelayTimeouts = {
  connectMs: 1_000,
  serverMs: 10_000,
  clientMs: 30_000,
  keepAliveMs: 60_000,
  lingerMs: 1_000,
  upstreamIdleMs: 4_000,
  probeIntervalMs: 500,
  probeMs: 2_000,
};

/** Port 0 takes any free port. */
export interface RelayPlan extends Omit<BalancerPlan, 'directory'> {
  timeouts?: Partial<RelayTimeouts>;
}

/** Serializes the plan for {@link parseRelayPlan} in the relay's process. */
export function relayPlanText({ host, port, upstreams, affinity }: BalancerPlan): string {
  return JSON.stringify({ host, port, upstreams, affinity } satisfies RelayPlan);
}

/** Parses the variable's text. Throws an `Error` with what was expected when it is missing or is not a plan. */
export function parseRelayPlan(text: string | undefined): RelayPlan {
  if (text === undefined)
    throw new Error(`expected a balancer plan as JSON in ${PLAN_VARIABLE}, got nothing`);
  try {
    const plan = JSON.parse(text) as RelayPlan;
    assertPlan({ ...plan, directory: '/unused' });
    return plan;
  } catch (cause) {
    throw new Error(`expected a balancer plan as JSON in ${PLAN_VARIABLE}, got: ${text.slice(0, 200)}`, {
      cause,
    });
  }
}
