import { randomInt } from 'node:crypto';

/** The seed of a random run: SESSION_BENCH_SEED, to repeat one, or a new one. It is printed in both cases. */
export function printSeed(what: string): number {
  const seed = Number(process.env['SESSION_BENCH_SEED'] ?? randomInt(2 ** 31));
  console.log(`${what}: SESSION_BENCH_SEED=${seed}`);
  return seed;
}
