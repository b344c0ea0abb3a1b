/** Runs the attempts at one account one after the other. */
export interface AccountQueue {
  /**
   * Returns the result of the attempt, which starts when earlier ones have finished; `undefined` when too many wait
   * already. A failure rejects all waiting attempts too: each of them would otherwise sit out the same outage again.
   */
  enter<T>(user: string, attempt: () => Promise<T>): Promise<T> | undefined;
}

/** Queues of this process only. An account without attempts takes no memory. */
export function accountQueue(maxWaiting: number): AccountQueue {
  const lines = new Map<string, { last: Promise<unknown>; attempts: number }>();
  return {
    enter(user, attempt) {
      const line = lines.get(user) ?? { last: Promise.resolve(), attempts: 0 };
      // One attempt is running, the others wait.
      if (line.attempts > maxWaiting) return undefined;
      lines.set(user, line);
      const turn = line.last.then(attempt);
      line.last = turn;
      line.attempts += 1;
      const leave = (isLineOver: boolean) => {
        line.attempts -= 1;
        if ((isLineOver || line.attempts === 0) && lines.get(user) === line) lines.delete(user);
      };
      // Attempts after a failure start a new queue. The failure itself is reported to the attempt that failed.
      turn.then(
        () => leave(false),
        () => leave(true),
      );
      return turn;
    },
  };
}
