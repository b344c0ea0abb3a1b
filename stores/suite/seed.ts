import { randomInt } from 'node:crypto';

/** Where chance begins: the one of SESSION_BENCH_SEED, which repeats a run, or a new one. Printed either way. */
export function printedSeed(what: string): number {
  const seed = Number(process.env['SESSION_BENCH_SEED'] ?? randomInt(2 ** 31));
  console.log(`${what}: SESSION_BENCH_SEED=${seed}`);
  return seed;
}
