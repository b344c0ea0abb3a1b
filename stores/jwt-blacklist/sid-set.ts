/**
 * A set of session ids with an expiry each, for a million of them: 16 bytes and the second of expiry in a slot of an
 * open-addressed table. `scripts/deny-set-memory.ts` compares it with a Map of strings.
 */
export interface SidSet {
  /** Adds an id, or extends its expiry. The id must be shaped like a sid, as all methods expect. */
  add(sid: string, untilMs: number): void;
  has(sid: string): boolean;
  /** Removes what has expired from one part of the table; repeated calls walk over all parts. */
  sweep(nowMs: number): void;
  /** Ids, among them expired ones that no sweep has reached. */
  size(): number;
  /** Bytes of the tables. */
  bytes(): number;
}

/** A table that grows is copied. In parts of a few thousand slots that takes less than a millisecond each. */
const PARTS = 256;
const WORDS = 5;
/** In a slot, after the four words of the id: seconds since 1970, rounded up; 0 marks an empty slot. */
const UNTIL = 4;
const FIRST_SLOTS = 8;
const MAX_LOAD = 0.75;
const SHRINK_LOAD = 0.25;

/** The value of each character of base64url, by its code. */
const VALUE_OF = new Uint8Array(128);
for (const [value, character] of [
  ...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_',
].entries())
  VALUE_OF[character.charCodeAt(0)] = value;

/** The id that a call is about: one call at a time, and none allocates. */
const words = new Uint32Array(4);

/** Ids are random and come from signed tokens, so their own bits spread them, and nobody can choose them to collide. */
interface Part {
  slots: Uint32Array;
  used: number;
}

export function createSidSet(): SidSet {
  const parts: Part[] = Array.from({ length: PARTS }, () => ({ slots: new Uint32Array(0), used: 0 }));
  const partOf = () => parts[at(words, 0) >>> 24] as Part;
  let next = 0;

  return {
    add(sid, untilMs) {
      read(sid);
      const part = partOf();
      const seconds = Math.min(Math.ceil(untilMs / 1000), 0xffff_ffff);
      if ((part.used + 1) * WORDS > part.slots.length * MAX_LOAD) rebuild(part, part.used + 1, 0);
      // `rebuild` reads other ids.
      read(sid);
      insert(part, seconds);
    },
    has(sid) {
      const { slots, used } = parts[first(sid) >>> 24] as Part;
      if (used === 0) return false;
      const place = (second(sid) & (slots.length / WORDS - 1)) * WORDS;
      if (at(slots, place + UNTIL) === 0) return false;
      read(sid);
      return at(slots, placeOf(slots) + UNTIL) !== 0;
    },
    sweep(nowMs) {
      const part = parts[next] as Part;
      next = (next + 1) % PARTS;
      const nowSeconds = Math.floor(nowMs / 1000);
      let live = 0;
      for (let place = UNTIL; place < part.slots.length; place += WORDS)
        if (at(part.slots, place) > nowSeconds) live += 1;
      if (live < part.used) rebuild(part, live, nowSeconds);
    },
    size: () => parts.reduce((sum, { used }) => sum + used, 0),
    bytes: () => parts.reduce((sum, { slots }) => sum + slots.byteLength, 0),
  };
}

/** Every index is within its array. */
const at = (array: Uint32Array, index: number) => array[index] as number;

const valueAt = (sid: string, index: number) => VALUE_OF[sid.charCodeAt(index)] as number;

/** The first and the second 32 bits of a sid: part and slot follow from them, and mostly tell that it is not there. */
const first = (sid: string) =>
  ((valueAt(sid, 0) << 26) |
    (valueAt(sid, 1) << 20) |
    (valueAt(sid, 2) << 14) |
    (valueAt(sid, 3) << 8) |
    (valueAt(sid, 4) << 2) |
    (valueAt(sid, 5) >>> 4)) >>>
  0;
const second = (sid: string) =>
  ((valueAt(sid, 5) << 28) |
    (valueAt(sid, 6) << 22) |
    (valueAt(sid, 7) << 16) |
    (valueAt(sid, 8) << 10) |
    (valueAt(sid, 9) << 4) |
    (valueAt(sid, 10) >>> 2)) >>>
  0;

/** Reads a sid into `words`: 22 characters of 6 bits, of which the last four bits are unused. */
function read(sid: string): void {
  words[0] = first(sid);
  words[1] = second(sid);
  words[2] =
    (valueAt(sid, 10) << 30) |
    (valueAt(sid, 11) << 24) |
    (valueAt(sid, 12) << 18) |
    (valueAt(sid, 13) << 12) |
    (valueAt(sid, 14) << 6) |
    valueAt(sid, 15);
  words[3] =
    (valueAt(sid, 16) << 26) |
    (valueAt(sid, 17) << 20) |
    (valueAt(sid, 18) << 14) |
    (valueAt(sid, 19) << 8) |
    (valueAt(sid, 20) << 2) |
    (valueAt(sid, 21) >>> 4);
}

/** The place of the id in `words`, or of the empty slot where it belongs. A table is never full. */
function placeOf(slots: Uint32Array): number {
  const count = slots.length / WORDS;
  let slot = at(words, 1) & (count - 1);
  for (;;) {
    const place = slot * WORDS;
    if (at(slots, place + UNTIL) === 0 || isAt(slots, place)) return place;
    slot = (slot + 1) & (count - 1);
  }
}

function isAt(slots: Uint32Array, place: number): boolean {
  return (
    at(slots, place) === at(words, 0) &&
    at(slots, place + 1) === at(words, 1) &&
    at(slots, place + 2) === at(words, 2) &&
    at(slots, place + 3) === at(words, 3)
  );
}

function insert(part: Part, seconds: number): void {
  const place = placeOf(part.slots);
  const former = at(part.slots, place + UNTIL);
  if (former === 0) {
    part.slots.set(words, place);
    part.used += 1;
  }
  part.slots[place + UNTIL] = Math.max(former, seconds);
}

/** Copies what expires after `nowSeconds` into a table with room for `count` ids. */
function rebuild(part: Part, count: number, nowSeconds: number): void {
  const former = part.slots;
  let slots = former.length / WORDS || FIRST_SLOTS;
  while (count > slots * MAX_LOAD) slots *= 2;
  while (slots > FIRST_SLOTS && count < slots * SHRINK_LOAD) slots /= 2;
  part.slots = new Uint32Array(count === 0 ? 0 : slots * WORDS);
  part.used = 0;
  for (let place = 0; place < former.length; place += WORDS) {
    const seconds = at(former, place + UNTIL);
    if (seconds <= nowSeconds) continue;
    words.set(former.subarray(place, place + 4));
    insert(part, seconds);
  }
}
