import { z } from 'zod';
import { SERVICES } from '../../stores/registry.ts';
import { readJson } from '../config/file.ts';
import { nearest, quoted, usage } from '../config/values.ts';

/** What a site pays, in a currency of its own. */
export interface PriceList {
  /** Before the figures of tables. */
  currency: string;
  /** Of one core for an hour. */
  coreHour: number;
  /** Of a GB of memory (10⁹ bytes) for an hour. */
  memoryGBHour: number;
  /** Of a GB that servers send, and that they receive, heads included. */
  trafficOutGB: number;
  trafficInGB: number;
  /** What a service costs a month that is paid as a whole, by its name: its CPU and memory are then in it. */
  serviceMonth: Readonly<Record<string, number | null>>;
}

const PRICE = z.number().nonnegative();
const NAMES = SERVICES.map(({ name }) => name);
const FILE = z.strictObject({
  currency: z.string().regex(/^\S{1,4}$/, 'one to four characters without a space'),
  coreHour: PRICE,
  memoryGBHour: PRICE,
  trafficOutGB: PRICE,
  trafficInGB: PRICE,
  serviceMonth: z
    .strictObject(Object.fromEntries(NAMES.map((name) => [name, PRICE.nullable().default(null)])))
    .prefault({}),
});
const KEYS = Object.keys(FILE.shape);

const EXAMPLE = 'pnpm bench cost --init-prices FILE.json writes one to fill in.';

/** Reads a file of prices. @throws BenchError USAGE for the first fault. */
export function readPrices(path: string): PriceList {
  const parsed = FILE.safeParse(readJson(path, `prices as JSON in ${path}`));
  if (parsed.success) return parsed.data;
  throw faultOf(parsed.error.issues[0] as z.core.$ZodIssue, path);
}

function faultOf(issue: z.core.$ZodIssue, path: string): Error {
  if (issue.code === 'unrecognized_keys') {
    const [key = ''] = issue.keys;
    const known = issue.path.length === 0 ? KEYS : NAMES;
    const near = nearest(key, known);
    const remedy = near === undefined ? EXAMPLE : `Did you mean ${near}?`;
    const where = issue.path.length === 0 ? path : `serviceMonth of ${path}`;
    return usage(`keys of ${known.join(', ')} in ${where}`, quoted(key), remedy);
  }
  const key = issue.path.join('.');
  if (key === '') return usage(`an object of prices in ${path}`, 'something else', EXAMPLE);
  const isText = key === 'currency';
  const expected = isText ? 'one to four characters without a space' : 'a number from 0 on';
  const remedy = `Fill it in; ${EXAMPLE}`;
  return usage(`${expected} for ${key} in ${path}`, 'none or another value', remedy);
}

/** A file to fill in. `null` for a service: it is not paid as a whole. */
export function pricesTemplate(): string {
  const serviceMonth = Object.fromEntries(NAMES.map((name) => [name, null]));
  const prices = { coreHour: null, memoryGBHour: null, trafficOutGB: null, trafficInGB: null };
  return `${JSON.stringify({ currency: 'EUR', ...prices, serviceMonth }, undefined, 2)}\n`;
}
