import type { GateSummary } from './summary.ts';

const share = (value: number) => `${(value * 100).toFixed(1)} %`;
const points = (value: number | undefined) => (value === undefined ? '' : value.toFixed(2));

/** The gates of the proof as a Markdown table. */
export function renderGates(summaries: readonly GateSummary[]): string {
  const head = [
    'planted',
    'gates',
    'REGRESSED',
    'rate, 95 % interval',
    'other verdicts',
    'planted %',
    'estimated %',
    'bias, points',
    'worst',
  ]; // prettier-ignore
  const lines = summaries.map((one) => {
    const others = Object.entries(one.verdicts).filter(([verdict]) => verdict !== 'REGRESSED');
    const rate =
      one.gates === 0
        ? ''
        : `${share(one.regressed / one.gates)} (${share(one.interval.lower)} to ${share(one.interval.upper)})`; // prettier-ignore
    return [
      one.name,
      String(one.gates),
      String(one.regressed),
      rate,
      others.map(([verdict, count]) => `${count} ${verdict}`).join(', '),
      points(one.plantedPct),
      points(one.estimatedPct),
      points(one.biasPoints),
      points(one.worstBiasPoints),
    ];
  });
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...lines.map(line)].join('\n');
}
