import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { parseConfig } from '../config/config.ts';
import type { Row } from '../results/row.ts';
import { estimateBlockMs } from '../run/estimate.ts';
import { planBlocks } from '../run/plan.ts';
import { planPieces, STUDY_PRESETS, stateOf } from './pieces.ts';
import { planText, renderStudy } from './render.ts';
import { readStudy, studyNames } from './study.ts';

const directory = mkdtempSync(join(tmpdir(), 'study-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
const MINUTE_MS = 60_000;
const nowhere = join(directory, 'nowhere');

describe('the studies of the project', () => {
  test.each(studyNames())('%s can be planned in both presets, and takes at most 150 minutes', (name) => {
    const study = readStudy(name);
    for (const preset of ['quick', 'full'] as const)
      for (const piece of planPieces(study, preset, nowhere, {})) {
        expect(piece.state).toBe('absent');
        const repeat = (preset === 'full' ? piece.full['repeat'] : undefined) ?? STUDY_PRESETS[preset].repeat;
        expect(piece.config.repeat).toBe(Number(repeat));
        // A signed-rank interval of 95 % needs six blocks.
        expect(piece.config.repeat).toBeGreaterThanOrEqual(preset === 'full' ? 6 : 1);
        const [most = 0] = piece.config.payloadsBytes.slice().sort((a, b) => b - a);
        const { sessions, expiring = 0, churn = 0 } = piece.config;
        expect(most * (sessions + Math.max(expiring, churn))).toBeLessThanOrEqual(256 * 2 ** 20);
      }
    const pieces = planPieces(study, 'full', nowhere, {});
    expect(pieces.reduce((sum, { longestMs }) => sum + longestMs, 0)).toBeLessThan(150 * MINUTE_MS);
  });

  test('take 15 minutes together in the quick preset', () => {
    const pieces = studyNames().flatMap((name) => planPieces(readStudy(name), 'quick', nowhere, {}));
    const total = pieces.reduce(
      (sum, { config }) => sum + planBlocks(config).length * estimateBlockMs(config),
      0,
    );
    expect(total).toBeLessThan(15 * MINUTE_MS);
  });

  test('name the library of each token that they rank', () => {
    for (const name of studyNames())
      for (const { config } of planPieces(readStudy(name), 'full', nowhere, {}))
        for (const { store, options } of config.stores)
          if (store.startsWith('jwt')) expect(options['lib'], name).toBeDefined();
  });
});

describe('a study in a file', () => {
  const written = (content: unknown) => {
    const path = join(directory, 'mine.json');
    writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
    return path;
  };
  const pieceOf = (flags: unknown) => ({ question: 'Why?', pieces: { one: { title: 'a piece', flags } } });

  test('is read, with its flags as in --config', () => {
    const study = readStudy(written(pieceOf({ store: ['none', 'memory'], 'equal-load': true, servers: 2 })));
    expect(study).toEqual({
      name: 'mine',
      question: 'Why?',
      pieces: [
        {
          ...{ name: 'one', title: 'a piece', full: {} },
          flags: { store: 'none,memory', equalLoad: true, servers: '2' },
        },
      ],
    });
  });

  test('may ask for more in the preset full, and for fewer blocks', () => {
    const piece = {
      title: 'a piece',
      flags: { store: 'none', duration: '1s' },
      full: { duration: '9s', repeat: 6 },
    };
    const study = readStudy(written({ question: 'Why?', pieces: { one: piece } }));
    const planned = (preset: 'quick' | 'full') => planPieces(study, preset, nowhere, {})[0]?.config;
    expect(planned('quick')).toMatchObject({ durationSeconds: 1, repeat: 1 });
    expect(planned('full')).toMatchObject({ durationSeconds: 9, repeat: 6 });
  });

  test.each([
    ['payloads', /expected a study: .*payload.*got "payloads". Did you mean payload\?/],
    [join(nowhere, 'no.json'), /expected a study as JSON in .*no\.json, got ENOENT/],
  ])('%s is refused in one line', (name, message) => {
    expect(() => readStudy(name)).toThrow(message);
  });

  test.each([
    ['{', /expected a study as JSON/],
    [{ pieces: {} }, /question: /],
    [{ question: 'Why?', pieces: {} }, /pieces: one piece or more/],
    [{ question: 'Why?', pieces: { 'A B': { title: 'a', flags: {} } } }, /pieces\.A B: /],
    [pieceOf({ stores: 'none' }), /piece one, got "stores". Did you mean store\?/],
    // How long a piece takes is the preset's.
    [pieceOf({ repeat: 3 }), /a flag's name as a key of .*piece one, got "repeat"/],
    [pieceOf({ store: null }), /pieces\.one\.flags\.store: /],
  ])('%j is refused in one line', (content, message) => {
    expect(() => readStudy(written(content))).toThrow(message);
  });
});

describe('what there is of a piece', () => {
  const config = parseConfig({ store: 'none,memory', scenario: 'read,login', repeat: '2' }, {});
  const row = (scenario: string, arm: string, block: number, valid = true): Row => ({
    ...{ scenario, arm, block: `r-${block}`, engine: 'slices', operation: 'all', servers: 1 },
    ...{ status: 'ok', valid },
  });
  const both = (scenario: string, block: number, valid = true) => [
    row(scenario, 'none', block),
    row(scenario, 'memory', block, valid),
  ];
  const complete = [1, 2].flatMap((block) => [...both('read', block), ...both('login', block)]);

  test('is done, where arms take no turns, when each of them has its blocks', () => {
    const alone = parseConfig({ store: 'none,memory', expiring: '10', duration: '12s' }, {});
    const rows = both('read', 1).map((one): Row => ({ ...one, expiring_sessions: 10 }));
    expect(stateOf(rows, alone)).toBe('done');
    expect(stateOf(rows.slice(1), alone)).toBe('begun');
  });

  test('is done when each group has its valid blocks, and else begun', () => {
    expect(stateOf([], config)).toBe('absent');
    expect(stateOf(complete, config)).toBe('done');
    expect(stateOf(complete.slice(0, -2), config)).toBe('begun');
    expect(stateOf([...both('read', 1), ...both('read', 2)], config)).toBe('begun');
    const dropped = [...complete.slice(0, -2), ...both('login', 2, false)];
    expect(stateOf(dropped, config)).toBe('begun');
    expect(stateOf([...dropped, ...both('login', 3)], config)).toBe('done');
    const [one, ...others] = complete;
    expect(stateOf([...others, { ...one, status: 'failed' }], config)).toBe('begun');
    const unsupported = complete.map((row) =>
      row.scenario === 'login' ? { ...row, status: 'unsupported' } : row,
    );
    expect(stateOf(unsupported, config)).toBe('done');
  });
});

test('the text says of each piece what is missing, and warns of several commits', () => {
  const study = readStudy('visitors');
  const pieces = planPieces(study, 'quick', nowhere, {});
  expect(planText(study, 'quick', pieces)).toMatch(/visits: .*; to be made, \d+ s\n {2}1 piece to make/s);
  const done = pieces.map((piece) => ({ ...piece, state: 'done' as const }));
  expect(planText(study, 'quick', done)).toMatch(/; there\n {2}nothing is missing$/);
  const made = ['a', 'b'].map((sha) => ({
    ...{ piece: done[0] as (typeof done)[0], unavailable: [], tooFew: [] },
    rows: [{ git_sha: sha, started_at: '2026-11-28T10:00:00Z', cpu_model: 'x', cpu_count: 2 }],
  }));
  expect(renderStudy(study, 'quick', made)).toContain('The pieces are of 2 commits');
  expect(renderStudy(study, 'quick', made.slice(1))).not.toContain('commits');
});
