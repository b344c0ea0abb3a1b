import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { contractFor } from '../conformance/external-site-fixture.ts';
import { PROJECT_ROOT } from '../environment/programs.ts';
import { expectedAfterStop, stopFor } from '../probe/truth.ts';
import { bucketsOf, decodeHistogram } from '../stats/histogram.ts';
import { descendants, isAlive, scratch, until } from '../tests/cli-fixture.ts';
import { type Hosts, openHosts } from './namespaces-fixture.ts';
import { LOCUST_FOLDER } from './work.ts';

/**
 * Four hosts, each with a network of its own: the site, Debian's Locust master with the collector, and two workers. All
 * share this machine's processors: what is seen is function and truth, not scale.
 */
const directory = scratch();
const tokenFile = `${directory.path}/token`;
const contract = `${directory.path}/contract.json`;
/** What is late when the site goes on are few requests, so that they take little beside the stop on a slow machine too. */
const [CONNECTIONS, RATE, SECONDS, STOP_MS] = [8, 100, 10, 2_000];
const NAMES = ['master', 'site', 'w1', 'w2'] as const;
let network: Hosts<(typeof NAMES)[number]>;
let site: Told;

/** A process with what it has said so far. */
interface Told {
  child: ChildProcess;
  out: string;
  errors: string;
  ended: Promise<number | null>;
}

function told(child: ChildProcess): Told {
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  const one: Told = { child, out: '', errors: '', ended };
  child.stdout?.on('data', (chunk: Buffer) => {
    one.out += chunk.toString();
  });
  child.stderr?.on('data', (chunk: Buffer) => {
    one.errors += chunk.toString();
  });
  return one;
}

const node = (host: (typeof NAMES)[number], args: readonly string[]) =>
  told(network.hosts[host].start(process.execPath, ['--import', 'tsx', ...args], { TMPDIR: directory.path }));

/** The collector, Locust's master and two workers, until all are under the measured load. */
async function underLoad(flags: readonly string[]) {
  const { master } = network.hosts;
  const target = site.out.trim();
  const own = ['--target', target, '--contract', contract, '--token-file', tokenFile, '-c', `${CONNECTIONS}`];
  const at = ['--listen', `${master.address}:5560`, '--workers', '2', '--json', '--wait', '60s'];
  const load = ['--rate', `${RATE}`, '--arrivals', 'constant', '-w', '500ms', ...flags];
  const collector = node('master', ['bench/cli.ts', 'collect', ...own, ...at, ...load]);
  await until('the collector', () => /waiting for 2 workers/.test(collector.errors), 60_000);
  const users = [
    '-u',
    `${CONNECTIONS}`,
    '-r',
    `${CONNECTIONS}`,
    '--expect-workers',
    '2',
    '--run-time',
    '60s',
  ];
  const file = ['-f', `${LOCUST_FOLDER}/locustfile.py`, '--master-bind-host', master.address];
  const locust = told(
    master.start('locust', ['--master', '--headless', ...file, ...users], { PYTHONDONTWRITEBYTECODE: '1' }),
  );
  const to = ['--master', master.address, '--collect', master.address, '--token-file', tokenFile];
  const workers = (['w1', 'w2'] as const).map((name) => node(name, ['bench/cli.ts', 'worker', ...to]));
  const all = [collector, locust, ...workers];
  const isMeasuring = () => /measuring: 2 workers/.test(collector.errors);
  const hasEnded = () => all.some(({ child }) => child.exitCode !== null || child.signalCode !== null);
  await until('the measured load', () => isMeasuring() || hasEnded(), 60_000).catch((cause) => {
    throw new Error(all.map(({ errors }) => errors.slice(-1_000)).join('\n'), { cause });
  });
  expect(isMeasuring(), all.map(({ out, errors }) => out + errors.slice(-1_000)).join('\n')).toBe(true);
  return { collector, locust, workers };
}

/** The process itself. nsenter, which started it, waits outside, and must: who else would reap it? */
const inner = ({ child }: Told): number => descendants(child.pid as number)[0] as number;

beforeAll(async () => {
  network = await openHosts(NAMES);
  writeFileSync(contract, JSON.stringify(contractFor({})));
  site = node('site', ['bench/workers/site-fixture.ts', network.hosts.site.address]);
  await until('the site', () => /^http:.*\n/.test(site.out), 60_000);
});
afterAll(async () => {
  await network?.close();
  directory.remove();
});

test('a site that stands still once: the p99 of both workers together is the truth, and Locust counts the same', async () => {
  const { collector, locust, workers } = await underLoad(['-d', `${SECONDS}s`]);
  await wait(1_500);
  const stopMs = stopFor(inner(site), STOP_MS);
  expect(await collector.ended, collector.errors).toBe(0);
  const result = JSON.parse(collector.out);
  const expectedMs = expectedAfterStop(0.99, stopMs, SECONDS);
  console.log(
    `stop ${stopMs.toFixed(1)} ms: p99 ${result.lat_p99_us / 1000} ms, by arithmetic ${expectedMs.toFixed(1)}`,
  );
  expect(Math.abs(result.lat_p99_us / 1000 / expectedMs - 1)).toBeLessThan(0.05);
  const sent = RATE * SECONDS;
  expect(result).toMatchObject({ scheduled: sent, ok: sent, valid: true, connections: CONNECTIONS });
  expect(result.workers).toMatchObject(
    ['w1', 'w2'].map(() => ({ ok: sent / 2, name: expect.stringMatching(/^w[12]$/) })),
  );
  // They have one clock here.
  for (const { clock_ahead_ms: ahead, clock_error_ms: error } of result.workers)
    expect(Math.abs(ahead)).toBeLessThanOrEqual(error + 1);
  const counts = bucketsOf(decodeHistogram(result.histograms.response)).map(({ count }) => count);
  expect(counts.reduce((sum, count) => sum + count, 0)).toBe(sent);
  for (const worker of workers) expect(await worker.ended, worker.errors).toBe(0);
  // The master ends with its last worker.
  await locust.ended;
  expect(locust.errors + locust.out).toMatch(new RegExp(`Aggregated +${sent} +0\\(0\\.00%\\)`));
});

test('a worker that is killed makes the load INVALID within 5 s, and is named', async () => {
  const { collector, locust, workers } = await underLoad(['-d', '30s']);
  const victim = inner(workers[1] as Told);
  // With its load generator and its guard.
  const all = descendants(workers[1]?.child.pid as number);
  await wait(500);
  const killedMs = performance.now();
  process.kill(victim, 'SIGKILL');
  expect(await collector.ended).toBe(4);
  expect(performance.now() - killedMs).toBeLessThan(5_000);
  expect(collector.errors).toMatch(
    /INVALID: worker \d \(w2 at 10\.77\.0\.4\) was lost after \d\.\d s of it: the end/,
  );
  const result = JSON.parse(collector.out);
  expect(result).toMatchObject({ valid: false, status: 'interrupted' });
  expect(result.ok).toBeGreaterThan(0);
  expect(all.length).toBeGreaterThan(2);
  await until('the end of what it had started', () => !all.some(isAlive), 10_000);
  expect(await workers[0]?.ended, workers[0]?.errors).toBe(0);
  process.kill(inner(locust), 'SIGTERM');
  await locust.ended;
});

describe('the hosts of these tests', () => {
  test('are gone when the test that opened them is killed by -9', async () => {
    const program = `import { openHosts } from './bench/workers/namespaces-fixture.ts';
      const { hosts } = await openHosts(['a', 'b']);
      hosts.b.start('sleep', ['600']);
      console.log(Object.values(hosts).map(({ pid }) => pid).join());`;
    const owner = told(
      spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program], {
        cwd: PROJECT_ROOT,
      }),
    );
    await until('two hosts', () => /\d+,\d+\n/.test(owner.out), 60_000);
    const pids = [...owner.out.trim().split(',').map(Number), ...descendants(owner.child.pid as number)];
    expect(pids.length).toBeGreaterThan(5);
    owner.child.kill('SIGKILL');
    await until('the end of all', () => !pids.some(isAlive), 5_000);
  });
});
