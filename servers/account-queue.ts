/** Attempts at accounts, those at one account one after the other. */
export interface AccountQueue {
  /**
   * What the attempt comes to when those before it are over; `undefined` when too many wait already, and it is not made.
   * A failure is that of all who wait behind it as well: each of them would have to sit out the same outage anew.
   */
  enter<T>(user: string, attempt: () => Promise<T>): Promise<T> | undefined;
}

/** Queues of this process alone. Nothing is kept of an account at which nobody tries. */
export function accountQueue(mostWaiting: number): AccountQueue {
  const lines = new Map<string, { last: Promise<unknown>; attempts: number }>();
  return {
    enter(user, attempt) {
      const line = lines.get(user) ?? { last: Promise.resolve(), attempts: 0 };
      // One of them is under way, the others wait.
      if (line.attempts > mostWaiting) return undefined;
      lines.set(user, line);
      const turn = line.last.then(attempt);
      line.last = turn;
      line.attempts += 1;
      const leave = (isLineOver: boolean) => {
        line.attempts -= 1;
        if ((isLineOver || line.attempts === 0) && lines.get(user) === line) lines.delete(user);
      };
      // Who comes after a failure begins a new line. The failure itself is told to whom the turn belongs.
      turn.then(
        () => leave(false),
        () => leave(true),
      );
      return turn;
    },
  };
}
