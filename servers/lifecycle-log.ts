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

/** One line of the log. Names are pseudonyms: equal ones are the same session or user, and cannot be reversed. */
export interface LifecycleEntry {
  /** ISO 8601, by the store's clock. */
  at: string;
  /** Name of the server that wrote it. */
  server: string;
  event: LifecycleEvent;
  /** Null when the session is not known. */
  session: string | null;
  user: string | null;
}

/** Records what happened to sessions, and to whose: evidence after an attack. */
export interface LifecycleLog {
  /** False when the log is off: callers then skip what only the log needs. */
  readonly isOn: boolean;
  /** Appends a line, or does nothing. Handle and user are passed in the clear, and written as pseudonyms. */
  write(event: LifecycleEvent, of: { handle?: string | undefined; user?: string | undefined }): void;
  /** Lines written afterwards are lost, and reported as such. */
  close(): void;
}

const OFF: LifecycleLog = { isOn: false, write: () => undefined, close: () => undefined };

/**
 * Opens the log for this configuration.
 * @param onError receives every lost line: a full disk ends no session, and the log continues once there is space.
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

/** Appends lines to a file synchronously: a stream would stop for good at the first error. */
function appendOnly(path: string, onError: (error: unknown) => void) {
  const fd = openSync(path, 'a', 0o600);
  let isOpen = true;
  let isTorn = false;
  return {
    append(line: string): void {
      // Do not continue a line that a full disk has cut.
      const bytes = Buffer.from(isTorn ? `\n${line}` : line);
      let written = 0;
      try {
        // The descriptor's number may belong to another file by now.
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
