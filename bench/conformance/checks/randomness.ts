/**
 * Whether ids look like output of a CSPRNG. Pure. It detects clumsy generators: counters, clocks, short ids, biased or
 * linear generators. No test of outputs can prove a good one: a hashed counter passes.
 */

import { jwtParts } from '../forge.ts';
import { bitFindings, sequenceFindings } from './randomness-battery.ts';

/** Minimum entropy of an id (ASVS 5 V7.2.3). */
const NEEDED_BITS = 128;

/**
 * An id, in the order of issue. A counter belongs to one server: the ids of each server are also examined separately.
 */
export interface IssuedId {
  id: string;
  server: number | undefined;
}

export interface IdVerdict {
  /** Upper bound of the bits in an id: log2 of the characters in use, summed over the positions. */
  shapeBits: number;
  /** Faults, each in a few words and without an id; empty when there are none. */
  findings: readonly string[];
}

/** Shorter sequences are inconclusive: their bounds are wide. */
const MIN_SEQUENCE = 1_000;

const HEX = '0123456789abcdef';
const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** @param issued thousands of ids; below a thousand only repetitions and the shape are detected reliably. */
export async function judgeIds(issued: readonly IssuedId[]): Promise<IdVerdict> {
  const ids = issued.map(({ id }) => id);
  const findings: string[] = [];
  const repeated = ids.length - new Set(ids).size;
  if (repeated > 0) findings.push(`${repeated} of ${ids.length} ids were issued before`);

  const alphabets = alphabetsOf(ids);
  const shapeBits = alphabets.reduce((sum, alphabet) => sum + Math.log2(alphabet.size), 0);
  if (shapeBits < NEEDED_BITS) findings.push(`${Math.floor(shapeBits)} bits at most, by their shape`);

  const varying = alphabets.flatMap((alphabet, position) => (alphabet.size > 1 ? [position] : []));
  const used = new Set(varying.flatMap((position) => [...(alphabets[position] ?? [])]));
  const { rows, spellsBits } = spelled(ids, varying, used);
  const width = rows[0]?.length ?? 0;
  if (width === 0) return { shapeBits, findings };
  if (spellsBits) findings.push(...bitFindings(rows, width));
  findings.push(...(await sequenceFindings(rows, width, sequencesOf(issued))));
  return { shapeBits, findings };
}

/**
 * The part of a token that identifies the session: of a JWT its `sid`, else its `jti`; of any other token the whole.
 */
export function identifyingPart(token: string): string {
  const { sid, jti } = jwtParts(token)?.payload ?? {};
  return [sid, jti].find((claim) => typeof claim === 'string') ?? token;
}

/** The characters in use at each position that every id has. */
function alphabetsOf(ids: readonly string[]): Set<string>[] {
  const length = ids.reduce((least, id) => Math.min(least, id.length), Number.MAX_SAFE_INTEGER);
  const alphabets = Array.from({ length: ids.length === 0 ? 0 : length }, () => new Set<string>());
  for (const id of ids) {
    for (const [position, alphabet] of alphabets.entries()) alphabet.add(id.charAt(position));
  }
  return alphabets;
}

/**
 * Each id as a row of bits, without the columns in which all ids agree: padding, prefixes and version digits are not a
 * pattern. Where the alphabet is not a power of two (62 or 36 characters), character codes are used, whose order still
 * shows a counter.
 */
function spelled(
  ids: readonly string[],
  positions: readonly number[],
  used: ReadonlySet<string>,
): { rows: Uint8Array[]; spellsBits: boolean } {
  const { bits, codeOf, spellsBits } = spellingOf(used);
  const values = new Map([...used].map((character) => [character, codeOf(character)]));
  const whole = ids.map((id) => {
    const row = new Uint8Array(positions.length * bits);
    for (const [index, position] of positions.entries()) {
      const value = values.get(id.charAt(position)) ?? 0;
      for (let bit = 0; bit < bits; bit += 1) row[index * bits + bit] = (value >> (bits - 1 - bit)) & 1;
    }
    return row;
  });
  const width = positions.length * bits;
  const columns = Array.from({ length: width }, (_, column) => column).filter((column) =>
    whole.some((row) => row[column] !== whole[0]?.[column]),
  );
  if (columns.length === width) return { rows: whole, spellsBits };
  const rows = whole.map((row) => {
    const kept = new Uint8Array(columns.length);
    for (let at = 0; at < kept.length; at += 1) kept[at] = row[columns[at] as number] as number;
    return kept;
  });
  return { rows, spellsBits };
}

interface Spelling {
  /** Of one character. */
  bits: number;
  codeOf(character: string): number;
  spellsBits: boolean;
}

function spellingOf(used: ReadonlySet<string>): Spelling {
  const characters = [...used];
  if (characters.every((character) => HEX.includes(character.toLowerCase())))
    return { bits: 4, codeOf: (character) => HEX.indexOf(character.toLowerCase()), spellsBits: true };
  const plain = (character: string) => character.replace('+', '-').replace('/', '_');
  // All 64 must be in use: fewer may be the 62 letters and digits, which do not map to whole bits.
  if (used.size === 64 && characters.every((character) => BASE64.includes(plain(character))))
    return { bits: 6, codeOf: (character) => BASE64.indexOf(plain(character)), spellsBits: true };
  return { bits: 8, codeOf: (character) => character.charCodeAt(0) & 0xff, spellsBits: false };
}

/** All ids in the order of issue, and those of each server, as indices of rows. */
function sequencesOf(issued: readonly IssuedId[]): number[][] {
  const servers = new Map<number, number[]>();
  for (const [index, { server }] of issued.entries()) {
    if (server === undefined) continue;
    const own = servers.get(server);
    if (own === undefined) servers.set(server, [index]);
    else own.push(index);
  }
  const apart = servers.size > 1 ? [...servers.values()] : [];
  return [issued.map((_, index) => index), ...apart].filter(({ length }) => length >= MIN_SEQUENCE);
}
