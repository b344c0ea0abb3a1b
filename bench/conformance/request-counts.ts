/**
 * How many requests a check sends to an external site of three servers that offers every operation: a number, and one
 * for each of `--tries`. Counted by request-counts.system.test.ts. A check that is not here sends next to none.
 */
const COUNTS: Readonly<Record<string, readonly [fixed: number, perTry: number]>> = {
  1: [18, 0],
  '2a': [45, 0],
  '2b': [0, 5],
  3: [64, 0],
  '4a': [27, 0],
  '4b': [0, 5],
  5: [10_000, 0],
  6: [6, 0],
  7: [12, 0],
  8: [12, 0],
  9: [12, 0],
  10: [12, 0],
  11: [12, 0],
  12: [71, 0],
  13: [12, 0],
  14: [0, 8],
  15: [0, 15],
  16: [0, 50],
  17: [12, 0],
  21: [203, 2],
  22: [244, 2],
  23: [279, 2],
  24: [477, 3],
  25: [1000, 0],
  26: [240, 0],
  27: [443, 0],
  28: [163, 0],
  29: [187, 0],
  30: [35, 0],
  31: [31, 0],
  32: [39, 0],
  33: [423, 0],
  34: [125, 0],
  35: [3239, 0],
  37: [176, 0],
  38: [90, 0],
  39: [94, 0],
  40: [90, 0],
  41: [984, 22],
  42: [27, 1],
  43: [25, 0],
  45: [277, 0],
  46: [1251, 0],
  47: [3, 0],
  50: [226, 0],
  54: [0, 4],
  57: [36, 0],
  58: [12, 0],
};

/** About the most requests that a check sends to an external site. */
export function requestsOf(id: string, tries: number): number {
  const [fixed, perTry] = COUNTS[id] ?? [0, 0];
  return fixed + perTry * tries;
}
