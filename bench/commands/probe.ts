import { EXIT, type ExitCode } from '../errors.ts';
import { cellsOf } from '../probe/cells.ts';
import { PROBE_FLAGS, parseProbe } from '../probe/config.ts';
import type { ProbeJob, ProbeResult } from '../probe/job.ts';
import { probe } from '../probe/probe.ts';
import { renderProbe } from '../probe/render.ts';
import { createProgress } from '../progress.ts';
import { usesColor } from './color.ts';
import { type BenchCommand, type Call, ended, printJson } from './command.ts';

/** Time to start and stop the generator. */
const OVERHEAD_MS = 700;

/** `pnpm bench probe URL`: prints text or a flat object. */
export const COMMAND: BenchCommand = {
  words: {
    usage: 'URL [options]',
    spelling: '[urls...]',
    help: 'what to request by GET, such as http://127.0.0.1:3000/',
  },
  flags: PROBE_FLAGS,
  run: probeUrl,
};

async function probeUrl({ words, given, signal }: Call): Promise<ExitCode> {
  const { job, json } = parseProbe(words, given);
  const result = await runWithProgress(job, signal);
  // Stopped before there were any figures; the caller knows the signal.
  if (result === undefined) return EXIT.ok;
  const cells = cellsOf(job, result);
  if (json) printJson(cells);
  else process.stdout.write(renderProbe(job, result, cells, usesColor(given)));
  if (cells.valid !== false) return EXIT.ok;
  // The text includes it already.
  return json ? ended(EXIT.invalid, `INVALID: ${cells.invalid_reason}`) : EXIT.invalid;
}

async function runWithProgress(job: ProbeJob, signal: AbortSignal): Promise<ProbeResult | undefined> {
  const expectedMs = (job.warmupSeconds + job.durationSeconds) * 1000 + OVERHEAD_MS;
  const progress = createProgress(process.stderr, expectedMs);
  try {
    const times = `${job.warmupSeconds} s of warm-up and ${job.durationSeconds} s of load`;
    if (process.stderr.isTTY !== true) progress.say(`probing ${job.origin} for ${times}`);
    progress.begin(job.origin, 1, 1);
    return await probe(job, signal, progress.step);
  } finally {
    progress.close();
  }
}
