import { describe, expect, test } from 'vitest';
import { NotExposition, samplesOf } from './exposition.ts';

describe('the text format of Prometheus', () => {
  test('names, labels with escapes, values, and timestamps where there are some', () => {
    const text = [
      '# HELP node_cpu_seconds_total Seconds the CPUs spent in each mode.',
      '# TYPE node_cpu_seconds_total counter',
      'node_cpu_seconds_total{cpu="0",mode="user"} 1234.56',
      'node_cpu_seconds_total{mode = "idle" , cpu = "0",} 1.5e+06',
      'plain 3 1395066363000',
      'plain{path="C:\\\\DIR\\n}, \\"x\\" 7"}\t+Inf -3982045',
      '',
      'other_metric{broken 1',
    ].join('\n');
    expect(samplesOf(text, ['node_cpu_seconds_total', 'plain'])).toEqual([
      { name: 'node_cpu_seconds_total', labels: { cpu: '0', mode: 'user' }, value: 1234.56 },
      { name: 'node_cpu_seconds_total', labels: { cpu: '0', mode: 'idle' }, value: 1_500_000 },
      { name: 'plain', labels: {}, value: 3, takenAtMs: 1_395_066_363_000 },
      {
        name: 'plain',
        labels: { path: 'C:\\DIR\n}, "x" 7' },
        value: Number.POSITIVE_INFINITY,
        takenAtMs: -3_982_045,
      },
    ]);
  });

  test('of a name only the whole counts', () => {
    expect(samplesOf('up_total 1\nup 2\n', ['up'])).toEqual([{ name: 'up', labels: {}, value: 2 }]);
  });

  test.each([
    ['a page', '<html><head><title>Node Exporter</title></head>'],
    ['JSON', '{"up": 1}'],
    ['no value', 'up\n'],
    ['no number', 'up yes'],
    ['hexadecimal', 'up 0x10'],
    ['two numbers and more', 'up 1 2 3'],
    ['an open label', 'up{a="b} 1'],
    ['a label without quotes', 'up{a=b} 1'],
    ['labels without a comma', 'up{a="1"b="2"} 1'],
    ['a timestamp in seconds (OpenMetrics)', 'up 1 1520879607.789'],
  ])('%s is refused, by the number of its line alone', (_, text) => {
    const read = () => samplesOf(`# comment\n${text}`, ['up']);
    expect(read).toThrow(NotExposition);
    expect(read).toThrow(/^line 2$/);
  });
});
