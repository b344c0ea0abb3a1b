/** Process entry of the built-in balancer: reads the plan from the environment, sends `ready`, drains on SIGTERM. */

import type { ReadyMessage } from '../../protocol.ts';
import { PLAN_VARIABLE, parseRelayPlan } from './plan.ts';
import { startRelay } from './relay.ts';

/** Time that exchanges in flight at SIGTERM have to finish. */
const DRAIN_MS = 5_000;

const relay = await startRelay(parseRelayPlan(process.env[PLAN_VARIABLE]));
let isLeaving = false;

async function shutdown(drainMs: number): Promise<void> {
  if (isLeaving) return;
  isLeaving = true;
  await relay.drain(drainMs);
  process.exit(0);
}

process.on('SIGTERM', () => void shutdown(DRAIN_MS));
// A parent that has died cannot stop this process any more.
process.on('disconnect', () => void shutdown(0));

const ready: ReadyMessage = { type: 'ready', port: relay.port };
process.send?.(ready);
