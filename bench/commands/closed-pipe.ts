/**
 * Lets this process end as usual when the reader of its output has gone, as in `| head -1`: without a listener, what it
 * writes then ends it with a stack trace.
 */
export function ignoreClosedPipes(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
    });
  }
}
