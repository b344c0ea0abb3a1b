import { EXIT, type ExitCode } from '../errors.ts';
import { cellsOf } from '../probe/cells.ts';
import { PROBE_FLAGS, type ProbeConfig, parseProbe } from '../probe/config.ts';
import type { ProbeResult, ProbeSecond } from '../probe/job.ts';
import { secondOf, summaryOf } from '../probe/json.ts';
import { probe } from '../probe/probe.ts';
import { renderProbe, secondText } from '../probe/render.ts';
import { createProgress, isTerminal } from '../progress.ts';
import { usesColor } from './color.ts';
import { type BenchCommand, type Call, ended } from './command.ts';

/** Time to start and stop the generator. */
const OVERHEAD_MS = 700;

/** `pnpm bench probe URL`: prints text, or a line of JSON for each second and one for all. */
export const COMMAND: BenchCommand = {
  words: {
    usage: 'URL [options]',
    spelling: '[urls...]',
    help: 'what to request, such as http://127.0.0.1:3000/',
  },
  flags: PROBE_FLAGS,
  run: probeUrl,
};

async function probeUrl({ words, given, signal }: Call): Promise<ExitCode> {
  const config = parseProbe(words, given);
  const { job, targets, json } = config;
  const result = await runWithProgress(config, signal);
  // Stopped before there were any figures; the caller knows the signal.
  if (result === undefined) return EXIT.ok;
  const cells = cellsOf(job, result);
  if (json) printLine(summaryOf(job, result, cells, targets));
  else process.stdout.write(renderProbe(job, result, cells, { color: usesColor(given), targets }));
  if (cells.valid !== false) return EXIT.ok;
  // The text includes it already.
  return json ? ended(EXIT.invalid, `INVALID: ${cells.invalid_reason}`) : EXIT.invalid;
}

async function runWithProgress(
  { job, targets, json }: ProbeConfig,
  signal: AbortSignal,
): Promise<ProbeResult | undefined> {
  const expectedMs = (job.warmupSeconds + job.durationSeconds) * 1000 + OVERHEAD_MS;
  const progress = createProgress(process.stderr, expectedMs);
  const isLive = isTerminal(process.stderr);
  const onSecond = (second: ProbeSecond) => {
    if (json) printLine(secondOf(second));
    progress.step(secondText(second));
  };
  try {
    const times = `${job.warmupSeconds} s of warm-up and ${job.durationSeconds} s of load`;
    if (!isLive) progress.say(`probing ${job.origin} for ${times}`);
    progress.begin(job.origin, 1, 1);
    const watch = { onPhase: progress.step, ...(json || isLive ? { onSecond } : {}) };
    return await probe(job, signal, watch, targets?.parts);
  } finally {
    progress.close();
  }
}

function printLine(value: object): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}
