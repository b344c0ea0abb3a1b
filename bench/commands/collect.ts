import { EXIT, type ExitCode } from '../errors.ts';
import { createProgress } from '../progress.ts';
import { type Collected, collect } from '../workers/collect.ts';
import { COLLECT_FLAGS, type CollectConfig, parseCollect } from '../workers/config.ts';
import { cellsOfAll, jsonOf, renderCollected } from '../workers/render.ts';
import { usesColor } from './color.ts';
import { type BenchCommand, type Call, ended, printJson } from './command.ts';

/** `pnpm bench collect`: waits for workers on other machines, and adds up what they measured. */
export const COMMAND: BenchCommand = {
  flags: COLLECT_FLAGS,
  run: collectAll,
};

/** Beyond the load itself, Locust must run for some seconds. */
const SPARE_SECONDS = 15;

async function collectAll({ given, signal }: Call): Promise<ExitCode> {
  const config = parseCollect(given);
  const collected = await withProgress(config, signal);
  // Stopped before there were any figures; the caller knows the signal.
  if (collected === undefined) return EXIT.ok;
  const cells = cellsOfAll(config, collected);
  if (config.json) printJson(jsonOf(collected, cells));
  else process.stdout.write(renderCollected(config, collected, cells, { color: usesColor(given) }));
  if (cells.valid !== false) return EXIT.ok;
  // The text includes it already.
  return config.json ? ended(EXIT.invalid, `INVALID: ${cells.invalid_reason}`) : EXIT.invalid;
}

async function withProgress(config: CollectConfig, signal: AbortSignal): Promise<Collected | undefined> {
  const { workers, listen, connections, warmupSeconds, durationSeconds, url } = config;
  const seconds = warmupSeconds + durationSeconds;
  const progress = createProgress(process.stderr, seconds * 1000);
  try {
    const users = `-u ${connections} -r ${connections} --expect-workers ${workers}`;
    const runTime = `--run-time ${Math.ceil(seconds + SPARE_SECONDS)}s`;
    progress.say(
      `waiting for ${workers} workers at ${listen.host}:${listen.port}; Locust: ${users} ${runTime}`,
    );
    progress.begin(url, 1, 1);
    return await collect(config, signal, progress);
  } finally {
    progress.close();
  }
}
