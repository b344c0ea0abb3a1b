import type { Config } from '../config/config.ts';
import { lifetimesOf } from '../config/lifetimes.ts';
import { durationText } from '../progress.ts';
import { counted } from '../results/text.ts';
import { EXTENSION } from './block/warmth.ts';
import { planBlocks, takesTurns } from './plan.ts';

/** Estimated time to start and stop a block, and each of its arms. */
const BLOCK_MS = 2_000;
const ARM_MS = 700;
/** To watch other machines idle (`--cpu-from`). */
const ELSEWHERE_MS = 5_000;
const LOGINS_PER_SECOND = 3_000;

/** What a block of this configuration should take, milliseconds; until one has been timed. */
export function estimateBlockMs(config: Config): number {
  const { durationSeconds, warmupSeconds, sessions, churn = 0 } = config;
  const { idleSeconds } = lifetimesOf(config);
  // The sessions that expire do so in the middle of the measured time, a lifetime after they were made.
  const measured = idleSeconds === undefined ? durationSeconds : idleSeconds + durationSeconds / 2;
  const perArm = measured + warmupSeconds + (sessions + 2 * churn) / LOGINS_PER_SECOND;
  const elsewhereMs = config.cpuFrom.length === 0 ? 0 : ELSEWHERE_MS;
  return BLOCK_MS + elsewhereMs + armsAtOnce(config) * (ARM_MS + perArm * 1000);
}

/** The longest that it may take: the warm-up goes on while there is a trend. */
function longestBlockMs(config: Config): number {
  const extended = armsAtOnce(config) * (EXTENSION - 1) * config.warmupSeconds * 1000;
  return estimateBlockMs(config) + extended;
}

/** The longest that all blocks of a run may take, without those that replace dropped ones. */
export function longestMs(config: Config): number {
  return planBlocks(config).length * longestBlockMs(config);
}

const armsAtOnce = (config: Config) => (takesTurns(config) ? config.stores.length : 1);

/** The size of a run and its greatest time, before it starts. */
export function timeText(config: Config): string {
  const blocks = planBlocks(config);
  const arms = blocks[0]?.trials.length ?? 0;
  const total = durationText(longestMs(config));
  return `${counted(blocks.length, 'block')} of ${counted(arms, 'arm')}, at most about ${total}`;
}
