import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest';
import { SERVICES } from '../../stores/registry.ts';
import { PROJECT_ROOT } from '../environment/programs.ts';
import { BenchError, EXIT } from '../errors.ts';
import { COMMAND } from './cost.ts';

const directory = mkdtempSync(join(tmpdir(), 'session-bench-cost-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
afterEach(() => vi.restoreAllMocks());
const at = (name: string) => join(directory, name);
const REFERENCE = join(PROJECT_ROOT, 'results/reference/read-1-server.csv');
const PRICES = { currency: 'EUR', coreHour: 0.03, memoryGBHour: 0.004, trafficOutGB: 0.05, trafficInGB: 0 };

async function costOf(words: string[], given: Record<string, string> = {}): Promise<string> {
  const write = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  const call = { given: { ...given, color: false }, words, command: [], signal: AbortSignal.timeout(9_000) };
  expect(await COMMAND.run(call)).toBe(EXIT.ok);
  return write.mock.calls.map(([text]) => String(text)).join('');
}
const written = (name: string, content: unknown) => {
  writeFileSync(at(name), typeof content === 'string' ? content : JSON.stringify(content));
  return at(name);
};

describe('the tables', () => {
  test('have what each backend takes, and without prices no money', async () => {
    const text = await costOf([REFERENCE]);
    // As in the first table of the README: µs of a request are seconds of a million.
    expect(text).toMatch(/^redis +31\.2 /m);
    expect(text).toMatch(/^none +13\.9 /m);
    expect(text).toContain('At 100 requests/s cost does not decide');
    expect(text).not.toContain('EUR');
  });

  test('and with prices what that costs, on 80 columns', async () => {
    const prices = written('prices.json', { ...PRICES, serviceMonth: { redis: 25 } });
    const text = await costOf([REFERENCE], { prices, rate: '20000', sessions: '1000000' });
    expect(text).toContain('in all: 20,000 requests/s on average, 1,000,000 live sessions');
    expect(text).toMatch(/^redis +0\.\d{4} +0\.0\d +25\.00 +[\d.]+$/m);
    expect(text).toMatch(/^postgres +0\.\d{4} +\d\.\d\d +0\.00 +[\d.]+$/m);
    expect(text).toContain('At 20,000 requests/s they differ by up to ');
    for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(100);
    for (const line of text.split('\n').slice(2)) expect(line.length).toBeLessThanOrEqual(80);
  });
});

test('a file to fill in names every price, and is refused until it is filled in', async () => {
  expect(await costOf([], { initPrices: at('new.json') })).toContain('fill in each null');
  const template = JSON.parse(readFileSync(at('new.json'), 'utf8')) as Record<string, unknown>;
  expect(Object.keys(template)).toEqual([...Object.keys(PRICES), 'serviceMonth']);
  expect(Object.keys(template['serviceMonth'] as object)).toEqual(SERVICES.map(({ name }) => name));
  await expect(costOf([REFERENCE], { prices: at('new.json') })).rejects.toThrow('coreHour');
  await costOf([REFERENCE], { prices: written('filled.json', { ...template, ...PRICES }) });
});

const service = SERVICES[0]?.name ?? '';
test.each([
  ['no file', [], {}, 'expected result files, got none'],
  ['no prices', [REFERENCE], { prices: at('absent.json') }, 'expected prices as JSON in '],
  ['no JSON', [REFERENCE], { prices: written('text.json', '{') }, 'text that is not JSON'],
  ['a list', [REFERENCE], { prices: written('list.json', []) }, 'expected an object of prices in '],
  [
    'a name that is none',
    [REFERENCE],
    { prices: written('name.json', { ...PRICES, coreHours: 1 }) },
    'got "coreHours". Did you mean coreHour?',
  ],
  [
    'a price below 0',
    [REFERENCE],
    { prices: written('below.json', { ...PRICES, coreHour: -1 }) },
    'expected a number from 0 on for coreHour in ',
  ],
  [
    'a price as text',
    [REFERENCE],
    { prices: written('text-price.json', { ...PRICES, trafficOutGB: '5 cent' }) },
    'for trafficOutGB in ',
  ],
  [
    'a currency with a space',
    [REFERENCE],
    { prices: written('currency.json', { ...PRICES, currency: 'a b' }) },
    'one to four characters without a space for currency in ',
  ],
  [
    'a service that is none',
    [REFERENCE],
    { prices: written('service.json', { ...PRICES, serviceMonth: { [`${service}s`]: 1 } }) },
    `Did you mean ${service}?`,
  ],
  [
    'a template over a file',
    [],
    { initPrices: written('kept.json', PRICES) },
    'expected a new file for --init-prices',
  ],
  ['a template and a result', [REFERENCE], { initPrices: at('x.json') }, 'expected --init-prices alone'],
])('%s: one line, and nothing is written', async (_, words, given, message) => {
  const error = await costOf(words, given).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(BenchError);
  const { message: line, exitCode } = error as BenchError;
  expect(line).toContain(message);
  expect(line).not.toContain('\n');
  expect(exitCode).toBe(EXIT.usage);
  expect(existsSync(at('x.json'))).toBe(false);
});
