/** Process entry of the built-in balancer: plan in from the environment, 'ready' out, drains on SIGTERM. */

import type { ReadyMessage } from '../../protocol.ts';
import { PLAN_VARIABLE, parseRelayPlan } from './plan.ts';
import { startRelay } from './relay.ts';

/** What is in flight at SIGTERM may take so long to finish. */
const DRAIN_MS = 5_000;

const relay = await startRelay(parseRelayPlan(process.env[PLAN_VARIABLE]));
let isLeaving = false;

async function leave(drainMs: number): Promise<void> {
  if (isLeaving) return;
  isLeaving = true;
  await relay.drain(drainMs);
  process.exit(0);
}

process.on('SIGTERM', () => void leave(DRAIN_MS));
// A parent that died cannot stop us any more.
process.on('disconnect', () => void leave(0));

const ready: ReadyMessage = { type: 'ready', port: relay.port };
process.send?.(ready);
