/** The last words of a process: bounded, and without secrets. */

import type { Readable } from 'node:stream';
import { redactUrl } from '../../errors.ts';

const TAIL_CHARACTERS = 16 * 1024;

export interface OutputTail {
  /** Keeps the end of what the stream gives, until it closes. */
  follow(stream: Readable | null): void;
  /** Adds a line of ours. */
  note(line: string): void;
  /** The last 16,384 characters, trimmed, with the secrets and the passwords in URLs replaced. */
  text(): string;
}

/** Collects output in bounded memory. `secrets` are replaced by `***` wherever they occur. */
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
      // The scheme is bounded: without that, 16 KB of one long word would take a second to search.
      return withoutSecrets.replace(/\b[a-z][a-z0-9+.-]{0,20}:\/\/\S+/gi, redactUrl).trim();
    },
  };
}
