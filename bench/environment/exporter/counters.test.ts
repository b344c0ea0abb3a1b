import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { countersOf } from './counters.ts';

const fixture = (name: string) => readFileSync(join(import.meta.dirname, 'fixtures', name), 'utf8');
const sumMs = (ns: ReadonlyMap<string, number>) =>
  Math.round([...ns.values()].reduce((a, b) => a + b, 0) / 1e6);

describe('a node_exporter, recorded', () => {
  const text = fixture('node-exporter.txt');

  test('counts all modes but idle, iowait and steal, of all processors', () => {
    const { ns, takenAtMs, stepNs } = countersOf(text, undefined, 'http://a');
    // By another reading of the same text.
    const wanted = [...text.matchAll(/^node_cpu_seconds_total\{cpu="\d+",mode="(\w+)"\} (\S+)$/gm)]
      .filter(([, mode]) => ['user', 'nice', 'system', 'irq', 'softirq'].includes(mode ?? ''))
      .reduce((sum, [, , seconds]) => sum + Number(seconds), 0);
    expect(ns.size).toBe(10);
    expect(sumMs(ns)).toBe(Math.round(wanted * 1000));
    expect(takenAtMs).toBeUndefined();
    expect(stepNs).toBe(1e7);
  });

  test('has no containers', () => {
    const read = () => countersOf(text, 'web', 'http://a');
    expect(read).toThrow(
      /^SERVICE_REFUSED: .*of a container "web" at http:\/\/a, got no such metric\. Name a cAdvisor/,
    );
  });
});

describe('a cAdvisor', () => {
  const of = (lines: string[]) => lines.map((line) => `container_cpu_usage_seconds_total${line}`).join('\n');

  test('counts the containers of the name, from when their values were taken', () => {
    const text = of([
      '{cpu="total",id="/",image="",name=""} 900 1700000009000',
      '{cpu="total",id="/docker/1",image="web:1",name="web"} 1.5 1700000004000',
      '{cpu="total",id="/docker/2",image="web:1",name="web2"} 7 1700000001000',
      '{container="web",cpu="total",id="/pods/3",name="k8s_web",pod="web-3"} 2.25 1700000003000',
    ]);
    const { ns, takenAtMs, stepNs } = countersOf(text, 'web', 'http://a');
    expect([sumMs(ns), takenAtMs, stepNs]).toEqual([3_750, 1_700_000_003_000, 0]);
  });

  test('counts processors, unless their sum stands beside them', () => {
    const parts = ['{cpu="cpu00",id="/d/1",name="web"} 1', '{cpu="cpu01",id="/d/1",name="web"} 2'];
    expect(sumMs(countersOf(of(parts), 'web', 'http://a').ns)).toBe(3_000);
    const whole = of([...parts, '{cpu="total",id="/d/1",name="web"} 3.5']);
    expect(sumMs(countersOf(whole, 'web', 'http://a').ns)).toBe(3_500);
  });

  test('without a name behind #, or with an unknown one, its containers are named', () => {
    const text = of(['{cpu="total",id="/",name=""} 9', '{cpu="total",id="/d/1",name="web"} 1']);
    expect(() => countersOf(text, undefined, 'http://a')).toThrow(
      /none, and there are web\. Name one behind/,
    );
    expect(() => countersOf(text, 'wbe', 'http://a')).toThrow(
      /"wbe" at http:\/\/a, got web\. Correct the name/,
    );
  });
});

test.each([
  [
    'a page',
    '<html>the secret</html>',
    /^SERVICE_REFUSED: expected metrics of Prometheus, .*line 1\. Write the whole path/,
  ],
  [
    'other metrics',
    'up 1\n',
    /^SERVICE_REFUSED: expected node_cpu_seconds_total at http:\/\/a, got other metrics alone/,
  ],
  ['nothing', '', /got other metrics alone/],
  ['NaN', 'node_cpu_seconds_total{cpu="0",mode="user"} NaN', /got others/],
  ['a value below 0', 'node_cpu_seconds_total{cpu="0",mode="user"} -1', /got others/],
  ['a series twice', 'node_cpu_seconds_total{mode="user"} 1\n'.repeat(2), /got others/],
])('%s is refused in one line', (_, text, message) => {
  const read = () => countersOf(text, undefined, 'http://a');
  expect(read).toThrow(message);
  expect(read).not.toThrow(/the secret|\n/);
});
