/**
 * Repeats `pnpm bench find-max`, each time with a fresh environment: one environment says what it can carry, several say
 * how far two of them differ. Adds a row for each search to a file and goes on with it when called again; the backends
 * take turns. Usage: pnpm exec tsx scripts/find-max-runs.ts --rows FILE [--times 7] [--store redis,none]
 * [--slo 'p99<20ms'] [--duration 3s]. A search that is stopped leaves no row.
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { parseArgs } from 'node:util';
import { ignoreClosedPipes } from '../bench/commands/closed-pipe.ts';
import { PROJECT_ROOT } from '../bench/environment/programs.ts';
import { EXIT } from '../bench/errors.ts';
import type { FoundMaximum } from '../bench/find-max/find-max.ts';
import { median } from '../bench/stats/median.ts';
import { readRows } from './audit/rows.ts';
import { writeRows } from './rows.ts';
import { stopSignal } from './stop.ts';

ignoreClosedPipes();

/** Also where the result was not confirmed. Where no rate holds there is none. */
const WITH_RESULT: readonly unknown[] = [EXIT.ok, EXIT.invalid];
const COLUMNS = [
  'started_at',
  'store',
  'slo',
  'rate_per_s',
  'lower_per_s',
  'upper_per_s',
  'confirmed',
  'capacity_per_s',
  'trials',
  'seed',
] as const;
type Line = Record<(typeof COLUMNS)[number], string>;

const { values: options } = parseArgs({
  options: {
    rows: { type: 'string' },
    times: { type: 'string', default: '7' },
    store: { type: 'string', default: 'redis,none' },
    slo: { type: 'string', default: 'p99<20ms' },
    duration: { type: 'string', default: '3s' },
  },
});
if (options.rows === undefined) {
  console.error('expected --rows FILE, got none');
  process.exit(2);
}
const path = options.rows;
const signal = stopSignal();
const stores = options.store.split(',');
const lines: Line[] = existsSync(path) ? (readRows(resolve(path)) as Line[]) : [];

for (let time = 1; time <= Number(options.times); time += 1) {
  for (const store of stores) {
    if (signal.aborted || lines.filter((line) => line.store === store).length >= time) continue;
    const line = await search(store);
    if (line === undefined) continue;
    lines.push(line);
    writeRows(
      path,
      COLUMNS,
      lines.map((one) => COLUMNS.map((name) => one[name])),
    );
    console.log(`${store}: ${line.rate_per_s}/s [${line.lower_per_s}, ${line.upper_per_s}]`);
  }
}
for (const store of stores) {
  const rates = lines.flatMap((line) => (line.store === store ? [Number(line.rate_per_s)] : []));
  console.log(`${store}: ${rates.length} environments, ${Math.round(median(rates) ?? 0)}/s in the median`);
}

async function search(store: string): Promise<Line | undefined> {
  const startedAt = new Date().toISOString();
  const flags = ['--store', store, '--slo', options.slo, '--duration', options.duration, '--json'];
  const child = spawn(process.execPath, ['--import', 'tsx', 'bench/cli.ts', 'find-max', ...flags], {
    cwd: PROJECT_ROOT,
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  const stop = () => child.kill('SIGINT');
  signal.addEventListener('abort', stop);
  const [written, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  signal.removeEventListener('abort', stop);
  if (signal.aborted) return undefined;
  if (!WITH_RESULT.includes(code)) {
    // It has said why.
    console.error(`find-max of ${store} ended with ${code}; earlier searches are in ${path}`);
    process.exit(code ?? EXIT.failure);
  }
  const found = JSON.parse(written) as FoundMaximum;
  const rate = (value: number | undefined) => value?.toFixed(1) ?? '';
  return {
    started_at: startedAt,
    store,
    slo: options.slo,
    rate_per_s: rate(found.ratePerSecond),
    lower_per_s: rate(found.lower),
    upper_per_s: rate(found.upper),
    confirmed: String(found.confirmed),
    capacity_per_s: rate(found.capacityPerSecond),
    trials: String(found.trials.length),
    seed: String(found.seed),
  };
}
