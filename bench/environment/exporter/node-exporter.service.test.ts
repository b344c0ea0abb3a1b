import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePort } from '../../../stores/free-port.ts';
import { NS_PER_TICK } from '../machine/cpu.ts';
import { type CpuReading, lookAtExporters, readExporter } from './scrape.ts';

/** A real prometheus-node-exporter of Debian's, where SESSION_BENCH_EXPORTER=1 says that it is installed. */
let exporter: ChildProcess;
let url: string;

beforeAll(async () => {
  const address = `127.0.0.1:${await freePort('127.0.0.1')}`;
  url = `http://${address}/metrics`;
  exporter = spawn('prometheus-node-exporter', [`--web.listen-address=${address}`], { stdio: 'ignore' });
  exporter.once('error', (error) => {
    throw new Error(`expected prometheus-node-exporter; run: apt-get install prometheus-node-exporter`, {
      cause: error,
    });
  });
  while (
    !(await fetch(url).then(
      ({ ok }) => ok,
      () => false,
    ))
  )
    await setTimeout(50);
});
afterAll(async () => {
  const ended = once(exporter, 'exit');
  exporter.kill();
  await ended;
});

const total = ({ ns }: CpuReading) => [...ns.values()].reduce((sum, value) => sum + value, 0);

/** user, nice, system, irq and softirq of /proc/stat. */
function busyNs(): number {
  const [, user, nice, system, , , irq, softirq] = readFileSync('/proc/stat', 'utf8')
    .split(/\s+/)
    .map(Number);
  return (
    [user, nice, system, irq, softirq].reduce((sum: number, ticks) => sum + (ticks ?? 0), 0) * NS_PER_TICK
  );
}

test('its CPU is that of /proc/stat, and grows by what is used', async () => {
  const before = busyNs();
  const first = await readExporter({ url });
  const between = busyNs();
  // Each series is rounded by itself; the sum of the kernel is of the processors' sums.
  const slack = first.ns.size * NS_PER_TICK;
  expect(total(first)).toBeGreaterThanOrEqual(before - slack);
  expect(total(first)).toBeLessThanOrEqual(between + slack);
  expect(first.takenAtMs).toBeUndefined();

  const cpu = process.cpuUsage();
  while (process.cpuUsage(cpu).user < 500_000);
  const second = await readExporter({ url });
  expect(total(second) - total(first)).toBeGreaterThan(400e6);
  expect([...second.ns.keys()]).toEqual([...first.ns.keys()]);
});

test('its front page and its other metrics are refused', async () => {
  await expect(lookAtExporters([{ url: new URL('/', url).href }])).rejects.toThrow(/^SERVICE_REFUSED: /);
  const filtered = `${url}?collect[]=loadavg`;
  await expect(lookAtExporters([{ url: filtered }])).rejects.toThrow(
    /node_cpu_seconds_total .*other metrics alone/,
  );
});
