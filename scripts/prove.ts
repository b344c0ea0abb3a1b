/**
 * Produces and summarizes the evidence that the instrument is correct, under results/proof/. Each call adds to what is
 * there. Usage:
 *
 *     pnpm exec tsx scripts/prove.ts gates --minutes 60    A/A gates and gates with planted slowness, until the time is up
 *     pnpm exec tsx scripts/prove.ts gates --rate 5000 --directory results/proof/equal-load
 *                                                          the same at equal load: requests per second for every arm
 *     pnpm exec tsx scripts/prove.ts summary               the table of all gates so far
 *
 * The load generator itself: scripts/generator-truth.ts, scripts/generator-cost.ts. The length of a slice:
 * scripts/slice-scatter.ts. Sabotage: bench/tests/sabotage.load.test.ts.
 */

import { mkdirSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { ignoreClosedPipes } from '../bench/commands/closed-pipe.ts';
import { runCampaign } from './proof/campaign.ts';
import { renderGates } from './proof/render.ts';
import { summarizeGates } from './proof/summary.ts';
import { stopSignal } from './stop.ts';

ignoreClosedPipes();

const DIRECTORY = 'results/proof';

const { values: options, positionals } = parseArgs({
  options: {
    minutes: { type: 'string', default: '30' },
    rate: { type: 'string' },
    directory: { type: 'string', default: DIRECTORY },
  },
  allowPositionals: true,
});
const signal = stopSignal();
const [piece = 'summary'] = positionals;
const { directory } = options;
mkdirSync(directory, { recursive: true });
if (piece === 'gates') {
  const minutes = Number(options.minutes);
  if (!(minutes > 0)) throw new Error(`expected minutes above 0, got "${options.minutes}"`);
  const ratePerSecond = options.rate === undefined ? undefined : Number(options.rate);
  if (ratePerSecond !== undefined && !(ratePerSecond >= 1))
    throw new Error(`expected a rate of at least 1, got "${options.rate}"`);
  const finished = await runCampaign(directory, { minutes, ratePerSecond }, signal);
  console.error(`${finished} gates finished`);
} else if (piece !== 'summary') {
  console.error(`expected gates or summary, got "${piece}"`);
  process.exit(2);
}
const summaries = summarizeGates(directory);
writeFileSync(`${directory}/gates.json`, `${JSON.stringify(summaries, undefined, 2)}\n`);
const table = renderGates(summaries);
writeFileSync(`${directory}/gates.md`, `${table}\n`);
console.log(table);
