import { readFileSync } from 'node:fs';
import type { z } from 'zod';
import { type BenchError, messageOf } from '../errors.ts';
import { type Contract, contractSchema } from './contract.ts';
import { quoted, usage } from './values.ts';

/** Longer parts of a contract are cut in errors. */
const SHOWN = 160;

/** @throws BenchError USAGE for the first field that is wrong. */
export function readContract(path: string): Contract {
  let given: unknown;
  try {
    // Some editors begin a file with a byte order mark.
    given = JSON.parse(readFileSync(path, 'utf8').replace(/^\uFEFF/, ''));
  } catch (error) {
    // The parser quotes the text around the place, which may be the password.
    const got = error instanceof SyntaxError ? 'text that is not JSON' : messageOf(error);
    throw usage(`a contract as JSON in ${quoted(path)}`, got, 'Correct --contract.');
  }
  const parsed = parsedContract(given, path);
  if (parsed.success) {
    const { survivesStoreCrash, ...traits } = parsed.data.traits;
    return { ...parsed.data, traits: { ...traits, survivesStoreCrash } };
  }
  const [issue] = parsed.error.issues as z.core.$ZodIssue[];
  // Names of fields are the file's: they may hold anything.
  const where = shown(issue?.path.join('.') || 'the whole');
  const what = shown(issue?.message ?? 'something else');
  throw wrongContract(path, `${where}: ${what}`);
}

function parsedContract(given: unknown, path: string) {
  try {
    return contractSchema.safeParse(given);
  } catch (error) {
    // Fields within fields without end.
    if (error instanceof RangeError) throw wrongContract(path, 'fields that are nested too deep');
    throw error;
  }
}

function wrongContract(path: string, got: string): BenchError {
  return usage(
    `a contract in ${quoted(path)} whose fields are those of docs/conformance.md`,
    got,
    'Correct the file.',
  );
}

const shown = (text: string) => text.replace(/\p{Cc}/gu, ' ').slice(0, SHOWN);
