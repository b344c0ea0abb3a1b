/** Progress on standard error: one line that is rewritten on a terminal, plain lines elsewhere. */
export interface Progress {
  /** Starts a trial: its name, number and total. */
  begin(name: string, ordinal: number, total: number): void;
  /** The current step of the trial. */
  step(text: string): void;
  /** Ends the trial. */
  end(outcome: string): void;
  /** A line that stays. */
  say(line: string): void;
  close(): void;
}

const REDRAW_MS = 250;
const CLEAR_LINE = '\r\u001B[2K';

/** Whether a stream shows lines that are rewritten, and colours: a dumb terminal, as in Emacs, shows their codes. */
export const isTerminal = (
  { isTTY }: { isTTY?: boolean },
  { TERM }: Readonly<Record<string, string | undefined>> = process.env,
): boolean => isTTY === true && TERM !== 'dumb';

/** `estimatedMs` is the estimated duration of a trial until one has ended. */
export function createProgress(stream: NodeJS.WriteStream, estimatedMs: number): Progress {
  const live = isTerminal(stream);
  const ended: number[] = [];
  let current: { name: string; ordinal: number; total: number; startedAt: number; text: string } | undefined;

  function draw(): void {
    if (current === undefined || !live) return;
    const { name, ordinal, total, startedAt, text } = current;
    const elapsed = Date.now() - startedAt;
    const each = ended.length === 0 ? estimatedMs : ended.reduce((sum, ms) => sum + ms, 0) / ended.length;
    const left = Math.max(0, each - elapsed) + each * (total - ordinal);
    // The time first: a narrow screen cuts the end.
    const line = `[${ordinal}/${total}] about ${durationText(left)} left, ${name}: ${text}`;
    stream.write(CLEAR_LINE + line.slice(0, Math.max(20, (stream.columns || 100) - 1)));
  }

  const timer = live ? setInterval(draw, REDRAW_MS) : undefined;
  timer?.unref();
  const line = (text: string) => stream.write(`${live ? CLEAR_LINE : ''}${text}\n`);
  return {
    begin(name, ordinal, total) {
      current = { name, ordinal, total, startedAt: Date.now(), text: 'starting' };
      draw();
    },
    step(text) {
      if (current !== undefined) current.text = text;
      draw();
    },
    end(outcome) {
      if (current === undefined) return;
      const { name, ordinal, total, startedAt } = current;
      ended.push(Date.now() - startedAt);
      line(`[${ordinal}/${total}] ${name}: ${outcome}`);
      current = undefined;
    },
    say(text) {
      line(text);
      draw();
    },
    close() {
      clearInterval(timer);
      if (live) stream.write(CLEAR_LINE);
    },
  };
}

/** `45 s`, `3 min 20 s`. */
export function durationText(ms: number): string {
  const seconds = Math.round(ms / 1000);
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}
