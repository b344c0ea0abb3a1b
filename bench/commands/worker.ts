import { EXIT, type ExitCode } from '../errors.ts';
import { createProgress, isTerminal } from '../progress.ts';
import { parseWorker, WORKER_FLAGS } from '../workers/config.ts';
import { work } from '../workers/work.ts';
import type { BenchCommand, Call } from './command.ts';

/** `pnpm bench worker`: our load generator as a worker of a Locust master. */
export const COMMAND: BenchCommand = {
  flags: WORKER_FLAGS,
  run: beWorker,
};

async function beWorker({ given, signal }: Call): Promise<ExitCode> {
  const config = parseWorker(given);
  const { host, port } = config.collect;
  const progress = createProgress(process.stderr, 0);
  try {
    progress.begin(`${host}:${port}`, 1, 1);
    await work(config, signal, isTerminal(process.stderr) ? progress.step : progress.say);
    return EXIT.ok;
  } finally {
    progress.close();
  }
}
