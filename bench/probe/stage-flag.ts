import { parseSeconds, quoted, usage } from '../config/values.ts';
import { dueIn, type Stage } from '../load/stages.ts';

/** The value of `--stages`. */

/** More than one process of Node can send. */
export const MAX_RATE = 1_000_000;
export const MAX_SECONDS = 24 * 3600;
const MAX_STAGES = 100;
const EXAMPLE = 'Write for example 10s:100,30s:100-1000,10s:1000.';

/** Stages as `TIME:RATE`, or `TIME:RATE-RATE` for a ramp, separated by commas. @throws BenchError USAGE */
export function parseStages(text: string): Stage[] {
  const stages = text.split(',').map((item, index) => parseStage(item.trim(), index + 1));
  if (stages.length > MAX_STAGES)
    throw usage(`at most ${MAX_STAGES} stages`, String(stages.length), 'Join some.');
  const seconds = totalSeconds(stages);
  if (seconds > MAX_SECONDS) throw usage('stages of at most 24h in all', `${seconds} s`, 'Shorten them.');
  if (stages.every((stage) => dueIn(stage) === 0))
    throw usage('a stage with a rate above 0', quoted(text), EXAMPLE);
  return stages;
}

function parseStage(text: string, number: number): Stage {
  const match = /^([^:]+):(\d+(?:\.\d+)?)(?:-(\d+(?:\.\d+)?))?$/.exec(text);
  const [from, to] = [Number(match?.[2]), Number(match?.[3] ?? match?.[2])];
  // Of a text that is no stage both are NaN.
  if (!(from <= MAX_RATE && to <= MAX_RATE)) {
    const expected = `TIME:RATE or TIME:RATE-RATE, with rates from 0 to ${MAX_RATE} a second, for stage ${number} of --stages`;
    throw usage(expected, quoted(text), EXAMPLE);
  }
  const seconds = parseSeconds(`stages, stage ${number}`, match?.[1] ?? '', 0.1, MAX_SECONDS);
  return { seconds, fromRps: from, toRps: to };
}

/** Without the error of a sum of fractions. */
export const totalSeconds = (stages: readonly Stage[]): number =>
  Math.round(stages.reduce((sum, { seconds }) => sum + seconds, 0) * 1e6) / 1e6;
