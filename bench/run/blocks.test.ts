import { describe, expect, test } from 'vitest';
import { parseConfig } from '../config/config.ts';
import type { Row } from '../results/row.ts';
import type { Bench } from './bench.ts';
import type { BlockOutcome } from './block/block.ts';
import { runBlocks } from './blocks.ts';
import type { Block } from './plan.ts';

/** Which blocks are run, dropped and replaced: pure decisions, so that what runs a block is given here. */

const nothing = () => undefined;
const silent = { begin: nothing, step: nothing, end: nothing, say: nothing, close: nothing };

function benchOf(flags: Record<string, string>): Bench {
  const config = parseConfig({ store: 'none,jwt', seed: '1', ...flags }, {});
  const signal = new AbortController().signal;
  return { context: { config, runId: 'r', signal }, progress: silent, machine: {} } as unknown as Bench;
}

/** Runs blocks of which these, by ordinal, are found invalid; returns the ordinals that were run, by group. */
async function runWith(
  flags: Record<string, string>,
  invalid: (block: Block) => boolean,
  finished: Row[] = [],
  isEnough: (validBlocks: number) => boolean = () => false,
) {
  const ran: string[] = [];
  const execute = async (block: Block): Promise<BlockOutcome> => {
    ran.push(`${block.group.servers}:${block.block}`);
    const row: Row = { status: 'ok', valid: !invalid(block), invalid_reason: 'other work' };
    return { trials: block.trials.map((trial) => ({ trial, rows: [row], histograms: {} })), failures: [] };
  };
  const outcome = await runBlocks(benchOf(flags), () => undefined, { execute, finished, isEnough });
  return { ran, ...outcome };
}

test('all blocks are run, and none is replaced when all are sound', async () => {
  const { ran, tooFew } = await runWith({ repeat: '3', servers: '1,3' }, () => false);
  expect(ran).toEqual(['1:1', '3:1', '1:2', '3:2', '1:3', '3:3']);
  expect(tooFew).toEqual([]);
});

test('a dropped block is replaced by one with an ordinal of its own, in its group alone', async () => {
  const { ran, tooFew } = await runWith({ repeat: '8', servers: '1,3' }, ({ block, group }) => {
    return block === 2 && group.servers === 3;
  });
  expect(ran.slice(16)).toEqual(['3:9']);
  expect(tooFew).toEqual([]);
});

test('a quarter of the blocks is replaced at most; then the group is named as INVALID', async () => {
  const { ran, tooFew } = await runWith({ repeat: '8' }, ({ block }) => block <= 3);
  expect(ran).toHaveLength(10);
  expect(tooFew).toEqual(['read, 1 server, round-robin, 256 B: 7 valid blocks of 8']);
  const hopeless = await runWith({ repeat: '8' }, () => true);
  expect(hopeless.ran).toHaveLength(10);
  expect(hopeless.tooFew).toEqual(['read, 1 server, round-robin, 256 B: 0 valid blocks of 8']);
});

test('a run that has enough before its last block lacks none, also after a dropped one', async () => {
  const seen: number[] = [];
  const isEnough = (valid: number) => {
    seen.push(valid);
    return valid >= 3;
  };
  const { ran, tooFew, validBlocks } = await runWith(
    { repeat: '8' },
    ({ block }) => block === 2,
    [],
    isEnough,
  );
  expect(ran).toEqual(['1:1', '1:2', '1:3', '1:4']);
  expect([seen, validBlocks, tooFew]).toEqual([[1, 1, 2, 3], 3, []]);
});

test('blocks that were never run are not counted as valid', async () => {
  const stop = new AbortController();
  const bench = benchOf({ repeat: '13' });
  const context = { ...bench.context, signal: stop.signal };
  const execute = async (block: Block): Promise<BlockOutcome> => {
    if (block.block === 3) stop.abort();
    const row: Row = { status: 'ok', valid: false, invalid_reason: 'other work' };
    return { trials: block.trials.map((trial) => ({ trial, rows: [row], histograms: {} })), failures: [] };
  };
  const { tooFew } = await runBlocks({ ...bench, context }, () => undefined, { execute });
  expect(tooFew).toEqual(['read, 1 server, round-robin, 256 B: 0 valid blocks of 13']);
});

test('fewer than four blocks leave none to replace', async () => {
  const { ran, tooFew } = await runWith({ repeat: '3' }, ({ block }) => block === 1);
  expect([ran.length, tooFew.length]).toEqual([3, 1]);
});

test('the plain engine replaces nothing: its arms do not share blocks', async () => {
  const { ran } = await runWith({ repeat: '8', engine: 'autocannon' }, ({ block }) => block === 1);
  expect(ran).toHaveLength(16);
});

describe('a run that is continued', () => {
  const row = (block: number, store: string, valid = true): Row => ({
    run_id: 'r',
    block: `r-${block}`,
    arm:
      store === 'jwt' ? 'jwt[alg=HS256;cache=off;durability=second;lib=fast-jwt]' : 'none[durability=second]',
    servers: 1,
    affinity: 'round-robin',
    scenario: 'read',
    payload_bytes: 256,
    status: 'ok',
    valid,
  });
  const rows = (block: number, valid = true) => [row(block, 'none', valid), row(block, 'jwt', valid)];
  const sound = () => false;

  test('does not run blocks again that have ended, but those that lack an arm', async () => {
    const { ran } = await runWith({ repeat: '4' }, sound, [...rows(1), row(2, 'none')]);
    expect(ran).toEqual(['1:2', '1:3', '1:4']);
  });

  test('replaces a dropped block by another, and has as many valid ones as are wanted', async () => {
    const { ran, validBlocks } = await runWith({ repeat: '4' }, sound, [...rows(1), ...rows(2, false)]);
    expect([ran, validBlocks]).toEqual([['1:3', '1:4', '1:5'], 4]);
    const replaced = [...rows(1), ...rows(2, false), ...rows(3), ...rows(4), ...rows(5)];
    expect((await runWith({ repeat: '4' }, sound, replaced)).ran).toEqual([]);
  });

  test('replaces a quarter again where one was not enough, and one where there are few', async () => {
    const ended = [1, 2, 3, 4, 5].flatMap((block) => rows(block, block < 3));
    const { ran, tooFew } = await runWith({ repeat: '4' }, sound, ended);
    expect([ran, tooFew]).toEqual([['1:6'], ['read, 1 server, round-robin, 256 B: 3 valid blocks of 4']]);
    for (const repeat of [1, 3]) {
      const all = Array.from({ length: repeat }, (_, index) => rows(index + 1, index > 0)).flat();
      const continued = await runWith({ repeat: String(repeat) }, sound, all);
      expect([continued.ran, continued.tooFew]).toEqual([[`1:${repeat + 1}`], []]);
    }
  });

  test('runs a block again in which an arm failed or was stopped, and not one that was dropped besides', async () => {
    const failed = (block: number): Row => ({ ...row(block, 'jwt', false), status: 'failed' });
    const ended = [...rows(1), row(2, 'none'), failed(2), row(3, 'none', false), failed(3)];
    const { ran, validBlocks } = await runWith({ repeat: '4' }, sound, ended);
    expect([ran, validBlocks]).toEqual([['1:2', '1:4', '1:5'], 4]);
  });

  test('measures an arm again where arms take no turns, for nothing is replaced there', async () => {
    const ended = [row(1, 'none', false), row(1, 'jwt')];
    const { ran } = await runWith({ repeat: '1', engine: 'autocannon' }, sound, ended);
    expect(ran).toEqual(['1:1']);
  });
});
