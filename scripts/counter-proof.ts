/**
 * Proves what `pnpm bench gate --counters` finds: identical arms, one more round trip and one more write per request,
 * many times over. It needs no quiet machine. Usage: pnpm exec tsx scripts/counter-proof.ts [--times 30] [--rows FILE].
 * Linux only.
 */

import { parseArgs } from 'node:util';
import { ignoreClosedPipes } from '../bench/commands/closed-pipe.ts';
import { parseConfig } from '../bench/config/config.ts';
import { openTogether } from '../bench/environment/processes/resources.ts';
import { counterConfig, countPairs } from '../bench/gate/counters.ts';
import { openBench } from '../bench/run/bench.ts';
import { type Cell, writeRows } from './rows.ts';
import { stopSignal } from './stop.ts';

ignoreClosedPipes();

const { values } = parseArgs({
  options: { times: { type: 'string', default: '30' }, rows: { type: 'string' } },
});
const times = Number(values.times);

/** Each pair: what is planted into the head, and the counter that must find it. */
const PAIRS = [
  { store: 'none', handicap: {}, counter: undefined },
  { store: 'none', handicap: { extraWrites: 1 }, counter: 'writes' },
  { store: 'redis', handicap: {}, counter: undefined },
  { store: 'redis', handicap: { extraTrips: 1 }, counter: 'trips' },
] as const;

const config = counterConfig(parseConfig({ preset: 'gate', store: 'none,redis' }, {}));
const stores = PAIRS.flatMap(({ store, handicap }, index) =>
  (['base', 'head'] as const).map((side) => ({
    ...{ store, options: {}, side, label: `pair ${index}` },
    ...(side === 'head' ? { handicap } : {}),
  })),
);
const signal = stopSignal();

const found = PAIRS.map(() => 0);
const wrong = PAIRS.map(() => 0);
let worst = 0;
const rows: Cell[][] = [];
await openTogether(async (resources) => {
  const bench = await openBench(
    { config: { ...config, stores }, command: process.argv.slice(2), signal },
    resources,
  );
  for (let time = 0; time < times; time += 1) {
    const findings = await countPairs(bench, { ...config, stores }, time);
    for (const [index, { counter }] of PAIRS.entries()) {
      const own = findings.filter(({ cell }) => cell === `pair ${index}`);
      const { store } = PAIRS[index] as (typeof PAIRS)[number];
      for (const one of own)
        rows.push([time + 1, store, counter ?? 'nothing', one.counter, one.base, one.head, one.verdict]);
      const more = own.filter(({ verdict }) => verdict === 'MORE').map((one) => one.counter);
      if (counter === undefined ? more.length > 0 : !more.includes(counter))
        wrong[index] = (wrong[index] ?? 0) + 1;
      else found[index] = (found[index] ?? 0) + 1;
      if (counter !== undefined) continue;
      for (const { base, head, verdict } of own)
        if (verdict !== 'informs') worst = Math.max(worst, Math.abs(head / base - 1));
    }
  }
  await resources.close();
});
writeRows(values.rows, ['time', 'store', 'planted', 'counter', 'base', 'head', 'verdict'], rows);
for (const [index, { store, counter }] of PAIRS.entries()) {
  const what = counter === undefined ? 'identical, called equal' : `one more of ${counter}, found`;
  process.stdout.write(`${store}: ${what} in ${found[index]} of ${times}\n`);
}
process.stdout.write(`identical arms differ by at most ${(worst * 100).toFixed(2)} %\n`);
