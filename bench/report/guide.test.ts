import { describe, expect, test } from 'vitest';
import { CONTROL, STORES } from '../../stores/registry.ts';
import { behavioursOf } from '../results/behaviour.ts';
import { layOutRun } from '../results/layout.ts';
import type { Row } from '../results/row.ts';
import { choicesFor } from './guide.ts';
import { renderPage } from './page.ts';
import { rendered, sourceOf, syntheticRows, tablesIn, textOf } from './page-fixture.ts';

const rowsOf = (durability: string) =>
  STORES.map(
    ({ name }): Row => ({
      store: name,
      arm: name,
      variant: `durability=${durability}`,
      status: 'ok',
      operation: 'all',
    }),
  );
const behaviours = behavioursOf(rowsOf('second'));
const plain = (names: readonly string[]) => names.map((name) => name.split(':')[0]);

describe('the guide answers', () => {
  test('has every backend but the control', () => {
    expect(behaviours.length).toBe(STORES.filter((store) => store !== CONTROL).length);
  });

  test('a shop on one server, with Postgres there already', () => {
    const needs = ['atOnce', 'deploys', 'bytes', 'secrecy', 'parallelWrites'] as const;
    expect(plain(choicesFor(behaviours, needs, 'Postgres'))).toEqual(['postgres']);
  });

  test('a logout that holds at once on three servers, without loss when the store crashes', () => {
    const chosen = plain(choicesFor(behaviours, ['atOnce', 'severalServers', 'storeCrash']));
    expect(chosen).toEqual(['redis', 'postgres', 'mariadb', 'mongodb', 'jwt-blacklist']);
    const without = behavioursOf(rowsOf('none'));
    expect(plain(choicesFor(without, ['atOnce', 'severalServers', 'storeCrash']))).toEqual([]);
  });

  test('an API whose five inner services check the credential', () => {
    expect(plain(choicesFor(behaviours, ['innerServices', 'severalServers', 'atExpiry']))).toEqual(['jwt']);
    expect(choicesFor(behaviours, ['innerServices', 'atOnce'])).toEqual([]);
  });
});

describe('the guide of a page', () => {
  const rows = syntheticRows();
  const costs = (page: string) => tablesIn(page).find(({ headings }) => headings[1] === 'µs a request');

  test('costs what the tables have over the control, in cores', () => {
    const { page } = rendered(sourceOf(rows));
    const table = layOutRun(rows)[0]?.tables[0]?.table;
    const column = table?.headings.indexOf('over\ncontrol') ?? -1;
    const expected = table?.lines.filter(([name]) => name !== 'none').map((line) => [line[0], line[column]]);
    expect(costs(page)?.lines.map((line) => line.slice(0, 2))).toEqual(expected);
    const redis = costs(page)?.lines.find(([name]) => name === 'redis');
    expect(Number(redis?.[5])).toBeCloseTo(Number(redis?.[1]) / 100, 2);
    expect(textOf(page)).toContain('At 100 requests/s cost does not decide');
    expect(textOf(page)).toContain('At 10,000 requests/s they differ by up to ');
  });

  test('and in money, at the rate and the price that are given', () => {
    const page = renderPage([sourceOf(rows)], () => '<svg></svg>', { core: 20, rate: 5_000 });
    const redis = costs(page)?.lines.find(([name]) => name === 'redis');
    const [cores = 0, money = 0] = (redis?.[2] ?? '').split(': ').map(Number);
    expect(money / cores).toBeCloseTo(20, 0);
    expect(costs(page)?.headings).toEqual(['backend', 'µs a request', 'at 5,000/s']);
  });

  test('and at the prices of the reader, with the tables of pnpm bench cost', () => {
    const list = {
      ...{ currency: 'CHF', coreHour: 0.05, memoryGBHour: 0.01, trafficOutGB: 0.1, trafficInGB: 0 },
      serviceMonth: {},
    };
    const page = renderPage([sourceOf(rows)], () => '<svg></svg>', {
      core: undefined,
      rate: undefined,
      list,
    });
    const money = tablesIn(page).find(({ headings }) => headings[1] === 'CHF/M requests');
    expect(money?.caption).toBe('your prices: in all: 100 requests/s on average, 100,000 live sessions');
    expect(money?.lines.map(([name]) => name)).toEqual(
      layOutRun(rows)[0]?.tables[0]?.table.lines.map(([name]) => name),
    );
    expect(textOf(page)).toContain('At 100 requests/s cost does not decide');
    expect(rendered(sourceOf(rows)).page).not.toContain('your prices');
  });
});
