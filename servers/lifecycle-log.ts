import { createHmac } from 'node:crypto';
import { closeSync, openSync, writeSync } from 'node:fs';
import type { ServerConfig } from './config.ts';
import { deriveKey } from './derived-key.ts';

export type LifecycleEvent =
  | 'login'
  | 'login_failed'
  | 'login_throttled'
  | 'logout'
  | 'rotate'
  | 'refresh'
  | 'refresh_reused'
  | 'end_login'
  | 'end_logins'
  | 'revoke'
  | 'disable'
  | 'enable'
  | 'password_changed';

/** One line of the log. Names are pseudonyms: equal ones are the same session or user, and nothing leads back to it. */
export interface LifecycleEntry {
  /** ISO 8601, by the clock that the store goes by. */
  at: string;
  /** Name of the server that wrote it. */
  server: string;
  event: LifecycleEvent;
  /** Null where the event belongs to no session that is known. */
  session: string | null;
  user: string | null;
}

/** What became of sessions, and of whom: for those who look for an attack afterwards. */
export interface LifecycleLog {
  /** False where nothing is written: what only the log would need is then not asked for. */
  readonly isOn: boolean;
  /** Appends a line, or does nothing. Handle and name are given in the clear, and are not written so. */
  write(event: LifecycleEvent, of: { handle?: string | undefined; user?: string | undefined }): void;
  /** What is written afterwards is lost, and told of as such. */
  close(): void;
}

const OFF: LifecycleLog = { isOn: false, write: () => undefined, close: () => undefined };

/**
 * The log that this configuration asks for.
 * @param onError told of every line that is lost: a full disk ends no session, and the log goes on when there is room.
 * @throws Error of the system when the file cannot be opened.
 */
export function openLifecycleLog(
  config: Pick<ServerConfig, 'id' | 'secret' | 'lifecycleLog'>,
  now: () => number,
  onError: (error: unknown) => void,
): LifecycleLog {
  const { id: server, lifecycleLog: path } = config;
  if (path === undefined) return OFF;
  const key = deriveKey(config, 'lifecycle log');
  const pseudonym = (name: string | undefined) =>
    name === undefined ? null : createHmac('sha256', key).update(name).digest('hex').slice(0, 16);
  const file = appendOnly(path, onError);
  return {
    isOn: true,
    write(event, { handle, user }) {
      const at = new Date(now()).toISOString();
      const entry: LifecycleEntry = { at, server, event, session: pseudonym(handle), user: pseudonym(user) };
      file.append(`${JSON.stringify(entry)}\n`);
    },
    close: file.close,
  };
}

/** A file at whose end lines are put while the caller waits: a stream would be lost for good with the first that fails. */
function appendOnly(path: string, onError: (error: unknown) => void) {
  const fd = openSync(path, 'a', 0o600);
  let isOpen = true;
  let isTorn = false;
  return {
    append(line: string): void {
      // Not into the rest of a line that a full disk has cut.
      const bytes = Buffer.from(isTorn ? `\n${line}` : line);
      let written = 0;
      try {
        // The number may be that of another file by now.
        if (!isOpen) throw new Error('the log is closed');
        while (written < bytes.length) written += writeSync(fd, bytes, written);
        isTorn = false;
      } catch (cause) {
        if (written > 0) isTorn = true;
        onError(new Error('a line of the lifecycle log is lost', { cause }));
      }
    },
    close(): void {
      if (isOpen) closeSync(fd);
      isOpen = false;
    },
  };
}
