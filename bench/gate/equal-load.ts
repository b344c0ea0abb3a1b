import { EQUAL_LOAD_SHARE } from '../config/rate.ts';
import { type Bench, chooseRig } from '../run/bench.ts';
import type { BlockOutcome } from '../run/block/block.ts';
import { type BlocksOutcome, runBlocks } from '../run/blocks.ts';

/** Enough for an interval of the size; whether there is a change has been decided before. */
const BLOCKS = 12;

/** Measures both sides at equal load, where a wait costs what it lasts. */
export async function runAtEqualLoad(
  bench: Bench,
  sink: (outcome: BlockOutcome) => void,
): Promise<BlocksOutcome> {
  bench.progress.say(`an alarm in the closed loop: ${BLOCKS} blocks at equal load give the size`);
  const config = {
    ...bench.context.config,
    rate: { share: EQUAL_LOAD_SHARE },
    arrivals: 'constant' as const,
    equalLoad: true,
    pin: 'auto' as const,
    repeat: BLOCKS,
  };
  const rig = await chooseRig(config, bench.context.chosenBalancer);
  return runBlocks({ ...bench, context: { ...bench.context, ...rig, config } }, sink);
}
