import { BenchError, messageOf } from '../errors.ts';

/**
 * Lets this process end as usual when the reader of its output has gone, as in `| head -1`: without a listener, what it
 * writes then ends it with a stack trace. Output that cannot be written for another reason, such as a full disk, is an
 * error of one line, and the process fails.
 */
export function ignoreClosedPipes(): void {
  let isReported = false;
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE' || isReported) return;
      isReported = true;
      const shown = new BenchError({
        code: 'OUTPUT_UNWRITABLE',
        expected: `to write standard ${stream === process.stdout ? 'output' : 'error'}`,
        got: messageOf(error),
        remedy: 'Free some space, or send it elsewhere.',
        cause: error,
      });
      process.stderr.write(`session-bench: ${shown.message}\n`);
      // At the end: until then the command sets its own.
      process.once('exit', () => {
        process.exitCode = shown.exitCode;
      });
    });
  }
}
