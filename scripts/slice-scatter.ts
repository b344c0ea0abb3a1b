/**
 * Measures how much two identical arms differ from block to block: in slices of several lengths, and one after the
 * other. The length of a slice was chosen by it. Usage: pnpm exec tsx scripts/slice-scatter.ts [--blocks 12] [--slices
 * 25,50,100,250,500] [--duration 2s] [--warmup 1500ms] [--store none] [--connections 32] [--rows FILE]. The settings
 * take turns within every pass, in shuffled order, so that they share the same hour.
 */

import { parseArgs } from 'node:util';
import { type Noise, noiseOf } from '../bench/calibrate/noise.ts';
import { ignoreClosedPipes } from '../bench/commands/closed-pipe.ts';
import { type Config, parseConfig } from '../bench/config/config.ts';
import { openTogether } from '../bench/environment/processes/resources.ts';
import type { Row } from '../bench/results/row.ts';
import { openBench } from '../bench/run/bench.ts';
import { runBlock } from '../bench/run/block/block.ts';
import { planRepetition } from '../bench/run/plan.ts';
import { seededRandom, shuffled } from '../bench/stats/random.ts';
import { writeRows } from './rows.ts';
import { stopSignal } from './stop.ts';

ignoreClosedPipes();

/** Of a row of a result file, for the rows of this script. */
const COLUMNS = [
  'block',
  'operation',
  'valid',
  'cpu_us_per_req_server',
  'rps_ok',
  'svc_p50_us',
  'svc_p99_us',
] as const;

interface Setting {
  name: string;
  sliceMs: number | undefined;
  rows: { base: Row[]; head: Row[] };
}

const { values: options } = parseArgs({
  options: {
    blocks: { type: 'string', default: '12' },
    slices: { type: 'string', default: '25,50,100,250,500' },
    duration: { type: 'string', default: '2s' },
    warmup: { type: 'string', default: '1500ms' },
    store: { type: 'string', default: 'none' },
    connections: { type: 'string', default: '32' },
    rows: { type: 'string' },
  },
});
const signal = stopSignal();
const settings: Setting[] = [...options.slices.split(',').map(Number), undefined].map((sliceMs) => ({
  name: sliceMs === undefined ? 'sequential' : `${sliceMs} ms`,
  sliceMs,
  rows: { base: [], head: [] },
}));
await measure();
print();

async function measure(): Promise<void> {
  const { store, duration, warmup, connections } = options;
  const raw = { preset: 'gate', store, duration, warmup, connections };
  const config = parseConfig(raw, process.env);
  const random = seededRandom(config.seed);
  await openTogether(async (resources) => {
    const twins = twinsOf(config);
    const command = process.argv.slice(2);
    const bench = await openBench({ config: twins, command, signal }, resources);
    const total = Number(options.blocks) * settings.length;
    let ordinal = 0;
    for (let pass = 1; pass <= Number(options.blocks); pass += 1) {
      for (const setting of shuffled(settings, random)) {
        if (signal.aborted) break;
        ordinal += 1;
        bench.progress.begin(`pass ${pass}, ${setting.name}`, ordinal, total);
        const { context } = bench;
        const sliceSeconds = setting.sliceMs === undefined ? undefined : setting.sliceMs / 1000;
        const own = { ...context, config: { ...twins, sliceSeconds } };
        const [block] = planRepetition(own.config, pass);
        if (block === undefined) throw new Error('expected a plan with at least one block');
        const parts = sliceSeconds === undefined ? block.trials.map((trial) => [trial]) : [block.trials];
        for (const trials of parts) {
          const load = { ratePerSecond: undefined, nullServerRps: undefined };
          const outcome = await runBlock({ ...block, trials }, load, own, bench.machine, bench.progress.step);
          for (const { trial, rows } of outcome.trials) setting.rows[trial.side ?? 'head'].push(...rows);
        }
        bench.progress.end('done');
      }
    }
    await resources.close();
  });
}

function twinsOf(config: Config): Config {
  return {
    ...config,
    stores: config.stores.flatMap((choice) =>
      (['base', 'head'] as const).map((side) => ({ ...choice, side })),
    ),
  };
}

function print(): void {
  const records = settings.map(({ name, rows }) => ({ name, noise: noiseOf(rows.base, rows.head) }));
  const percent = (value: number | undefined) => (value === undefined ? '' : `${(value * 100).toFixed(1)} %`);
  const names = ['cpu_us_per_req', 'rps_ok', 'p50_us', 'p99_us'] as const;
  console.log('standard deviation of ln(B/A) between blocks, identical arms');
  console.log(
    [
      'slice'.padEnd(12),
      ...['CPU/request', 'throughput', 'p50', 'p99', 'blocks'].map((one) => one.padStart(12)),
    ].join(''),
  );
  for (const { name, noise } of records) {
    const of = (metric: Noise['metric']) => noise.find((one) => one.metric === metric);
    const cells = names.map((metric) => percent(of(metric)?.scatter).padStart(12));
    console.log([name.padEnd(12), ...cells, String(of('rps_ok')?.blocks ?? 0).padStart(12)].join(''));
  }
  const cells = settings.flatMap(({ name, rows }) =>
    (['base', 'head'] as const).flatMap((side) =>
      rows[side].map((row) => [name, side, ...COLUMNS.map((key) => String(row[key] ?? ''))]),
    ),
  );
  writeRows(options.rows, ['slice', 'side', ...COLUMNS], cells);
}
