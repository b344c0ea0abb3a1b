import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { freePort } from '../../stores/free-port.ts';
import { closeSites, contractFor, openSite } from '../conformance/external-site-fixture.ts';
import { countReply, countSent, createTally, resultsOf } from '../load/tally.ts';
import { until } from '../tests/cli-fixture.ts';
import { type Channel, dial } from './channel.ts';
import { collect } from './collect.ts';
import { parseCollect } from './config.ts';
import { type FromWorker, type ToWorker, type WorkerResult, wallMs } from './job.ts';
import { cellsOfAll, renderCollected } from './render.ts';
import { VERSION } from './version.ts';

/** The collector, and what it does with workers that do what a test says; real ones are in locust.system.test.ts. */

const directory = mkdtempSync(join(tmpdir(), 'collect-'));
const contract = join(directory, 'contract.json');
let target: string;
beforeAll(async () => {
  target = await openSite({});
  writeFileSync(contract, JSON.stringify(contractFor({})));
});
afterAll(() => {
  closeSites();
  rmSync(directory, { recursive: true });
});

type Worker = Channel<ToWorker, FromWorker> & { heard: ToWorker[]; isSilent: boolean };

/** A collector of two workers. */
async function open(flags: Record<string, string> = {}) {
  const port = await freePort('127.0.0.1');
  const tokenFile = join(directory, randomBytes(4).toString('hex'));
  const given = {
    target: [target],
    contract: [contract],
    tokenFile,
    duration: '10s',
    connections: '8',
    seed: '1',
  };
  const config = parseCollect({ ...given, listen: `127.0.0.1:${port}`, ...flags });
  const said: string[] = [];
  const stop = new AbortController();
  const watch = { say: (line: string) => void said.push(line), step: () => undefined };
  const done = collect(config, stop.signal, watch);
  done.catch(() => undefined);

  /** @param aheadMs of its clock. */
  async function come(name: string, { aheadMs = 0, version = VERSION } = {}): Promise<Worker> {
    const channel = await patiently(() => dial<ToWorker, FromWorker>(config.listen, config.token));
    const worker: Worker = Object.assign(channel, { heard: [], isSilent: false });
    channel.onMessage = (message) => {
      worker.heard.push(message);
      if (message.type === 'clock' && !worker.isSilent)
        channel.send({ type: 'clock', id: message.id, nowMs: wallMs() + aheadMs });
    };
    channel.send({ type: 'hello', name, version });
    await until('a reply', () => worker.heard.length > 0, 10_000);
    return worker;
  }
  return { config, done, said, stop, come };
}

/** It logs in at the site before it listens. */
async function patiently<T>(attempt: () => Promise<T>): Promise<T> {
  for (const until = performance.now() + 10_000; ; ) {
    try {
      return await attempt();
    } catch (error) {
      if (performance.now() > until) throw error;
      await wait(20);
    }
  }
}

/** What a worker measured that replied to `count` requests in `ms` each. */
async function measured(count: number, ms: number, more: Partial<WorkerResult> = {}): Promise<WorkerResult> {
  const tally = createTally();
  for (let sent = 0; sent < count; sent += 1) {
    countSent(tally, 10);
    countReply(tally, 200, true, ms * 1000, 20);
  }
  const operations = await resultsOf(new Map([['read', tally]]));
  return {
    load: { durationSeconds: 10, cpuNs: 5e9, operations },
    ...{
      backlogEnd: 0,
      outstandingEnd: 0,
      startedMs: wallMs() - 10_000,
      endedMs: wallMs(),
      isPartial: false,
    },
    ...more,
  };
}

const typesOf = (worker: Worker | undefined) => worker?.heard.map(({ type }) => type) ?? [];

describe.concurrent('the collector', () => {
  test('gives each its share, and adds up what they measured, by its own clock', async ({ expect }) => {
    const { config, done, come, said } = await open();
    const [one, two] = [await come('a'), await come('b', { aheadMs: 90_000 })];
    const jobs = [one, two].map(({ heard }) => heard.find(({ type }) => type === 'job'));
    expect(jobs).toMatchObject([
      { work: { job: { connections: 4, seed: 1 } } },
      { work: { job: { seed: 2 } } },
    ]);
    for (const worker of [one, two]) worker.send({ type: 'measuring' });
    await expect.poll(() => said.at(-1)).toContain('measuring: 2 workers');
    const ahead = await measured(30, 9);
    one.send({ type: 'result', result: await measured(10, 2) });
    const { startedMs, endedMs } = ahead;
    two.send({
      type: 'result',
      result: { ...ahead, startedMs: startedMs + 90_000, endedMs: endedMs + 90_000 },
    });
    const collected = await done;
    expect(collected?.reasons).toEqual([]);
    expect(collected?.overlap).toBeGreaterThan(0.95);
    expect(collected?.result.load.operations[0]).toMatchObject({ ok: 40, sent: 40 });
    await expect.poll(() => typesOf(two).at(-1)).toBe('end');
    if (collected === undefined) throw new Error('expected figures');
    const cells = cellsOfAll(config, collected);
    // Of one generator, not of their sum.
    expect(cells).toMatchObject({ valid: true, ok: 40, gen_cpu_pct: 50 });
    const text = renderCollected(config, collected, cells, { color: false });
    expect(text).toMatch(
      /worker 2 \(b at 127\.0\.0\.1\), 30 ok, 3 a second, .* its clock is \+(89999|90000)\.\d ms off/,
    );
  });

  test('loads that were not at the same time are INVALID', async ({ expect }) => {
    const { done, come, config } = await open();
    const [one, two] = [await come('a'), await come('b')];
    one.send({ type: 'result', result: await measured(10, 2) });
    const late = wallMs() + 4_000;
    two.send({ type: 'result', result: await measured(10, 2, { startedMs: late - 10_000, endedMs: late }) });
    const collected = await done;
    expect(collected?.reasons).toEqual([expect.stringMatching(/overlap in (59|60|61) % of their time/)]);
    if (collected !== undefined) expect(cellsOfAll(config, collected).valid).toBe(false);
  });

  test('one whose connection ends is named, and the others give what they have', async ({ expect }) => {
    const { done, come } = await open();
    const [one, two] = [await come('a'), await come('b')];
    for (const worker of [one, two]) worker.send({ type: 'measuring' });
    await expect.poll(() => typesOf(two)).toContain('clock');
    two.close();
    await expect.poll(() => typesOf(one)).toContain('stop');
    one.send({ type: 'result', result: await measured(10, 2, { isPartial: true }) });
    const collected = await done;
    expect(collected?.reasons).toEqual([
      expect.stringMatching(
        /^worker 2 \(b at 127\.0\.0\.1\) was lost after \d\.\d s of it: the end of the conn/,
      ),
    ]);
    expect(collected?.result).toMatchObject({ isPartial: true });
  });

  test('so is one that is silent, within 5 s', async ({ expect }) => {
    const { done, come } = await open();
    const [one, two] = [await come('a'), await come('b')];
    two.isSilent = true;
    const begin = performance.now();
    await expect.poll(() => typesOf(one), { timeout: 8_000 }).toContain('stop');
    expect(performance.now() - begin).toBeLessThan(5_000);
    await expect(done).rejects.toMatchObject({
      code: 'WORKER_LOST',
      message: expect.stringMatching(
        /worker 2 \(b at .*\) was lost before the measured load: silent for 3 s/,
      ),
    });
  });

  test('refuses a worker too many, and one of another version', async ({ expect }) => {
    const { done, come, stop } = await open();
    const other = await come('old', { version: '0.0.0' });
    expect(other.heard).toMatchObject([{ type: 'end', reason: expect.stringContaining('version 0.0.0') }]);
    await come('a');
    await come('b');
    const third = await come('c');
    expect(third.heard).toMatchObject([
      { type: 'end', reason: expect.stringContaining('2 workers already') },
    ]);
    stop.abort(new Error('stopped'));
    expect(await done).toBeUndefined();
  });

  test('says who is missing when the load does not begin', async ({ expect }) => {
    const { done, come } = await open({ wait: '3s' });
    const one = await come('a');
    one.send({ type: 'step', text: 'has 2 of 4 users from Locust' });
    await expect(done).rejects.toMatchObject({
      code: 'TIMEOUT',
      message: expect.stringMatching(/got 1 of 2 workers; worker 1 \(a at .*\): has 2 of 4 users/),
    });
  });

  test('a stop by Locust, and a worker that fails', async ({ expect }) => {
    const stopped = await open();
    const [one, two] = [await stopped.come('a'), await stopped.come('b')];
    one.send({ type: 'result', result: await measured(10, 2, { isPartial: true }) });
    await expect.poll(() => typesOf(two)).toContain('stop');
    two.send({ type: 'result' });
    expect((await stopped.done)?.reasons).toEqual([
      expect.stringMatching(/^Locust stopped the load before its end/),
    ]);
    const failing = await open();
    const worker = await failing.come('a');
    worker.send({ type: 'failed', message: 'a login got 503' });
    await expect(failing.done).rejects.toMatchObject({
      code: 'WORKER_LOST',
      message: expect.stringContaining('a login got 503'),
    });
  });
});
