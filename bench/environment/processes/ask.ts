import { BenchError, type ErrorCode } from '../../errors.ts';
import { exitText, type StartedProcess } from './process.ts';

/**
 * Sends a message to a process, and returns its next message.
 * @param failure its `remedy` is shown when there is no reply.
 * @throws BenchError with `failure.code` when the process ends before it replies, or does not reply in time.
 */
export function ask<T>(
  process: StartedProcess,
  message: { type: string },
  timeoutMs: number,
  failure: { code: ErrorCode; remedy: string },
): Promise<T> {
  const { child, name } = process;
  return new Promise((resolve, reject) => {
    let notSent = '';
    const timer = setTimeout(() => fail(`no reply${notSent}`), timeoutMs);
    const onMessage = (reply: T) => {
      clearTimeout(timer);
      resolve(reply);
    };
    const fail = (got: string) => {
      clearTimeout(timer);
      child.off('message', onMessage);
      const expected = `${name} to reply to "${message.type}" within ${timeoutMs / 1000} s`;
      reject(new BenchError({ ...failure, expected, got }));
    };
    child.once('message', onMessage);
    void process.exited.then((exit) =>
      fail(`${exitText(exit)}, after the output "${process.outputTail().slice(-500)}"`),
    );
    // A process that has just been killed breaks the channel before its exit is known: that exit is what is reported.
    child.send(message, (error) => {
      if (error !== null) notSent = ` (${error.message})`;
    });
  });
}
