/** A cookie that is emptied is deleted; a value may end with `=` itself, as base64 does. */
const EMPTIED = /^[^=]*=(?:"")?$/;

/** The pairs of name and value that lines of Set-Cookie keep, as a client returns them. */
export function keptPairs(lines: readonly string[]): string[] {
  return lines.map((line) => (line.split(';', 1)[0] ?? '').trim()).filter((pair) => !EMPTIED.test(pair));
}

/** Whether these lines set this cookie to a value. */
export function setsCookie(lines: readonly string[], cookie: string): boolean {
  return keptPairs(lines).some((pair) => pair.startsWith(`${cookie}=`));
}
