/** The end of a process's output: bounded, and without secrets. */

import type { Readable } from 'node:stream';
import { redactUrl } from '../../errors.ts';

const TAIL_CHARACTERS = 16 * 1024;

export interface OutputTail {
  /** Keeps the end of the stream's data, until it closes. */
  follow(stream: Readable | null): void;
  /** Adds a line. */
  note(line: string): void;
  /** The last 16,384 characters, trimmed, with secrets and passwords in URLs replaced. */
  text(): string;
}

/** Collects output in bounded memory. `secrets` are replaced by `***`. */
export function createOutputTail(secrets: readonly string[]): OutputTail {
  let tail = '';
  const keep = (text: string): void => {
    tail = (tail + text).slice(-TAIL_CHARACTERS);
  };
  return {
    follow(stream) {
      stream?.setEncoding('utf8').on('data', keep);
    },
    note: (line) => keep(`\n${line}\n`),
    text() {
      const withoutSecrets = secrets
        .filter((secret) => secret !== '')
        .reduce((text, secret) => text.replaceAll(secret, '***'), tail);
      // The scheme is bounded: otherwise 16 KB of one long word would take a second to search.
      return withoutSecrets.replace(/\b[a-z][a-z0-9+.-]{0,20}:\/\/\S+/gi, redactUrl).trim();
    },
  };
}
