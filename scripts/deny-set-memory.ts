/**
 * Measures the set of ended logins that each server holds with `jwt-blacklist:check=pushed`, from none to a million:
 * bytes of heap and buffers an entry, and the CPU of adding and asking; beside a Map of strings, and a Bloom filter, whose
 * share of false positives is that of the requests that would need a lookup. Usage: pnpm exec tsx
 * scripts/deny-set-memory.ts [--entries 0,1000,10000,100000,300000,1000000] [--rows FILE.csv].
 */

import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { ignoreClosedPipes } from '../bench/commands/closed-pipe.ts';
import { newSid } from '../stores/jwt/sid.ts';
import { createSidSet } from '../stores/jwt-blacklist/sid-set.ts';
import { type Cell, writeRows } from './rows.ts';

ignoreClosedPipes();

const HEAD = [
  ...['structure', 'entries', 'bytes', 'bytes_per_entry', 'add_ns', 'has_ns'],
  'false_positives_pct',
];
const ASKED = 200_000;
const STRANGERS = 20_000;

interface Structure {
  add(sid: string, untilMs: number): unknown;
  has(sid: string): boolean;
}

const STRUCTURES: Readonly<Record<string, (entries: number) => Structure>> = {
  'open-addressed': createSidSet,
  'map-of-strings': () => {
    const map = new Map<string, number>();
    return { add: (sid, untilMs) => map.set(sid, untilMs), has: (sid) => map.has(sid) };
  },
  'bloom-filter': bloomFilter,
};
/** Of a Bloom filter that holds as many entries as it was made for: 9.6 bits an entry (Bloom 1970). */
const FALSE_POSITIVES = 0.01;

const { values } = parseArgs({
  options: {
    entries: { type: 'string', default: '0,1000,10000,100000,300000,1000000' },
    rows: { type: 'string' },
  },
});
setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
const rows: Cell[][] = [];
for (const entries of values.entries.split(',').map(Number)) {
  for (const name of Object.keys(STRUCTURES)) rows.push(measure(name, entries));
}
process.stdout.write(`${HEAD.join('\t')}\n${rows.map((row) => row.join('\t')).join('\n')}\n`);
writeRows(values.rows, HEAD, rows);

function measure(name: string, entries: number): Cell[] {
  const create = STRUCTURES[name];
  if (create === undefined) throw new Error(`expected a structure, got ${name}`);
  const strangers = Array.from({ length: STRANGERS }, newSid);
  const before = liveBytes();
  const structure = create(entries);
  let seen = 0;
  let addNs = 0;
  let ids: string[] = [];
  // In portions: the ids themselves are only kept where the structure keeps them.
  for (let left = entries; left > 0; left -= ids.length) {
    ids = Array.from({ length: Math.min(left, 10_000) }, newSid);
    addNs += cpuNsOf(() => {
      for (const sid of ids) structure.add(sid, Date.now() + 43_200_000);
    });
  }
  const askedNs = cpuNsOf(() => {
    for (let asked = 0; asked < ASKED; asked += 1)
      if (structure.has(strangers[asked % strangers.length] as string)) seen += 1;
  });
  if (seen > 0 && name !== 'bloom-filter') throw new Error('expected no stranger in the set');
  ids = [];
  const bytes = liveBytes() - before;
  // Alive until here.
  structure.has(strangers[0] as string);
  const [perEntry, addEach] = entries === 0 ? ['', ''] : [round(bytes / entries), round(addNs / entries)];
  const found = Math.round((seen / ASKED) * 1e5) / 1e3;
  return [name, entries, bytes, perEntry, addEach, round(askedNs / ASKED), found];
}

/**
 * A filter for so many ids: one that was added is always found, a stranger by {@link FALSE_POSITIVES}. It forgets none, so
 * it has to be built anew as entries expire. A sid is random: its own bits are the two hashes that the others follow
 * from (Kirsch and Mitzenmacher 2006).
 */
function bloomFilter(entries: number): Structure {
  const size = Math.ceil((-Math.max(entries, 1) * Math.log(FALSE_POSITIVES)) / Math.LN2 ** 2);
  const hashes = Math.max(1, Math.round((size / Math.max(entries, 1)) * Math.LN2));
  const bits = new Uint8Array(Math.ceil(size / 8));
  const places = (sid: string, visit: (byte: number, bit: number) => boolean): boolean => {
    const bytes = Buffer.from(sid, 'base64url');
    let place = bytes.readUInt32LE(0) % size;
    const step = (bytes.readUInt32LE(4) % (size - 1 || 1)) + 1;
    for (let hash = 0; hash < hashes; hash += 1) {
      if (!visit(place >>> 3, 1 << (place & 7))) return false;
      place = (place + step) % size;
    }
    return true;
  };
  return {
    add: (sid) =>
      places(sid, (byte, bit) => {
        bits[byte] = (bits[byte] as number) | bit;
        return true;
      }),
    has: (sid) => places(sid, (byte, bit) => ((bits[byte] as number) & bit) !== 0),
  };
}

function liveBytes(): number {
  collect();
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

function cpuNsOf(act: () => void): number {
  const before = process.cpuUsage();
  act();
  const { user, system } = process.cpuUsage(before);
  return (user + system) * 1_000;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
