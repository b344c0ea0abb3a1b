/** An empty value; one may end with `=` itself, as base64 does. */
const EMPTIED = /^[^=]*=(?:"")?$/;

/** Whether a line of Set-Cookie deletes its cookie by its time (RFC 6265bis §5.7); Max-Age comes before Expires. */
export function isOver(line: string): boolean {
  const attributes = new Map(
    line
      .split(';')
      .slice(1)
      .map((attribute) => {
        const [key = '', text = ''] = attribute.split('=', 2);
        return [key.trim().toLowerCase(), text.trim()];
      }),
  );
  const seconds = attributes.get('max-age');
  if (seconds !== undefined && /^-?\d+$/.test(seconds)) return Number(seconds) <= 0;
  return Date.parse(attributes.get('expires') ?? '') <= Date.now();
}

/**
 * The pairs of name and value that lines of Set-Cookie keep, as a client returns them. Of lines with one name the last
 * counts. What is emptied or over is deleted: PHP sets `sid=deleted` with a time in the past.
 */
export function keptPairs(lines: readonly string[]): string[] {
  const kept = new Map<string, string>();
  for (const line of lines) {
    const pair = (line.split(';', 1)[0] ?? '').trim();
    const name = pair.split('=', 1)[0] ?? '';
    kept.delete(name);
    if (!EMPTIED.test(pair) && !isOver(line)) kept.set(name, pair);
  }
  return [...kept.values()];
}

/** Whether these lines set this cookie to a value. */
export function setsCookie(lines: readonly string[], cookie: string): boolean {
  return keptPairs(lines).some((pair) => pair.startsWith(`${cookie}=`));
}
