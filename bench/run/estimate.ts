import type { Config } from '../config/config.ts';
import { durationText } from '../progress.ts';
import { counted } from '../results/text.ts';
import { planBlocks } from './plan.ts';

/** Estimated time to start and stop a block, and each of its arms. */
const BLOCK_MS = 2_000;
const ARM_MS = 700;
const LOGINS_PER_SECOND = 3_000;

/** The longest that a block of this configuration should take, milliseconds; until one has been timed. */
export function estimateBlockMs(config: Config): number {
  const arms = config.engine === 'slices' ? config.stores.length : 1;
  const perArm = config.durationSeconds + config.warmupSeconds + config.sessions / LOGINS_PER_SECOND;
  return BLOCK_MS + arms * (ARM_MS + perArm * 1000);
}

/** The size of a run and its greatest time, before it starts. */
export function timeText(config: Config): string {
  const blocks = planBlocks(config);
  const arms = blocks[0]?.trials.length ?? 0;
  const total = durationText(blocks.length * estimateBlockMs(config));
  return `${counted(blocks.length, 'block')} of ${counted(arms, 'arm')}, at most about ${total}`;
}
