import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { quoted, usage } from '../config/values.ts';
import { messageOf } from '../errors.ts';

/** What `pnpm bench collect` and its workers know one another by: 32 random bytes in a file, as hexadecimal digits. */

const BYTES = 32;

/** The token in a file. @throws BenchError USAGE; the content is not shown. */
export function readToken(path: string): Buffer {
  let text: string;
  try {
    text = readFileSync(path, 'utf8').trim();
  } catch (error) {
    const remedy = 'pnpm bench collect makes it: copy it from there.';
    throw usage(`a token in ${quoted(path)}`, messageOf(error), remedy);
  }
  if (/^[0-9a-f]{64}$/.test(text)) return Buffer.from(text, 'hex');
  throw usage(
    `a token of ${BYTES * 2} hexadecimal digits in ${quoted(path)}`,
    'other text',
    'Remove the file: pnpm bench collect makes a new one.',
  );
}

/** The token in a file, which is made, readable for its owner alone, where there is none. @throws BenchError USAGE */
export function readOrMakeToken(path: string): Buffer {
  try {
    writeFileSync(path, `${randomBytes(BYTES).toString('hex')}\n`, { flag: 'wx', mode: 0o600 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST')
      throw usage(`to write a token to ${quoted(path)}`, messageOf(error), 'Correct --token-file.');
  }
  return readToken(path);
}
