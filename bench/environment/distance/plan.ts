/** What the harness tells the relay of `--store-distance`. */

interface Target {
  host: string;
  port: number;
}

export interface DistancePlan {
  /** How long each direction is delayed, milliseconds. */
  oneWayMs: number;
  /** Where connections are relayed to; there is a port for each. */
  targets: readonly [service: Target, echo: Target];
}

/** The environment variable that holds the plan, as JSON. */
export const DISTANCE_PLAN_VARIABLE = 'SESSION_BENCH_DISTANCE';

/** The message of a relay that listens: a port for each target. */
export interface DistanceReady {
  type: 'ready';
  ports: readonly [service: number, echo: number];
}
