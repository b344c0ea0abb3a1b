/** Writes errors to standard error, at most one line a second of each kind: an outage fails every request. */
export function errorReporter(): (error: unknown) => void {
  const last = new Map<string, number>();
  return (error) => {
    const cause = error instanceof Error && error.cause instanceof Error ? `: ${error.cause.message}` : '';
    const line = `${error instanceof Error ? error.message : String(error)}${cause}`;
    const at = Date.now();
    if (at - (last.get(line) ?? 0) < 1000) return;
    if (last.size > 100) last.clear();
    last.set(line, at);
    process.stderr.write(`${line.replaceAll('\n', ' ')}\n`);
  };
}
