/** The tables of docs/findings.md, from the rows of the studies in results/reference. */

import type { Table } from './check.ts';
import { cpuOf, usable } from './reference.ts';
import { groupBy, needed, type Row } from './rows.ts';
import { median, positiveCentre } from './statistics.ts';

const DOCUMENT = 'docs/findings.md';
const CONTROL = 'none';
/** Options that a name leaves out: the defaults. */
const UNNAMED = new Set(
  (
    'alg=HS256 cache=off check=lookup db=redis driver=mariadb durability=none durability=second entries=1M keys=1 ' +
    'on-outage=closed pipelining=none read=get reads=pipelined refresh=off touch=same write=cas'
  ).split(' '),
);

/** As the study names an arm. */
function nameOf(row: Row): string {
  const options = (row['variant'] ?? '').split(';').filter((option) => !UNNAMED.has(option));
  return [row['store'], options.join(';')].filter(Boolean).join(':');
}

/** CPU of servers and store for a request with its interval, µs; how many times that of `base` with its interval; requests/s. */
function priceLines(path: string, base: string): Map<string, number[]> {
  const arms = groupBy(usable(path), nameOf);
  const others = new Map(arms.get(base)?.map((row) => [row['block'], cpuOf(row)]));
  return new Map(
    [...arms].map(([name, own]) => {
      const ratios = own.map((row) => cpuOf(row) / (others.get(row['block']) ?? Number.NaN));
      const times = name === base || name === CONTROL ? [] : positiveCentre(ratios);
      const [rate] = positiveCentre(own.map((row) => needed(row, 'rps_ok')));
      return [name, [...positiveCentre(own.map(cpuOf)), ...times, rate]];
    }),
  );
}

/** From a logout to its refusal: median over blocks of p50 and of the worst, the worst of all, ms; reads accepted after it, of all blocks. */
function refusalLines(): Map<string, number[]> {
  return new Map(
    [...groupBy(usable(REFUSAL), nameOf)].map(([name, own]) => {
      const [halves, worst] = ['revoke_visible_p50_us', 'revoke_visible_p99_us'].map((column) =>
        own.map((row) => needed(row, column) / 1000),
      ) as [number[], number[]];
      const accepted = own.reduce((sum, row) => sum + needed(row, 'stale_accepts'), 0);
      return [name, [median(halves), median(worst), Math.max(...worst), accepted]];
    }),
  );
}

const VISITS = 'results/reference/visitors-full/visits.csv';
const REFUSAL = 'results/reference/revocation-full/time-to-refusal.csv';
const PRICE = 'results/reference/revocation-full/price.csv';
const PUSHED = 'results/proof/pushed-price.csv';
const TOKEN = 'jwt:lib=fast-jwt';

export const STUDY_TABLES: readonly Table[] = [
  {
    document: DOCUMENT,
    name: 'revocation-price',
    lines: () => priceLines(PRICE, TOKEN),
  },
  { document: DOCUMENT, name: 'visits', lines: () => priceLines(VISITS, CONTROL) },
  { document: DOCUMENT, name: 'refusal', lines: refusalLines },
  { document: DOCUMENT, name: 'pushed-price', lines: () => priceLines(PUSHED, TOKEN) },
];
