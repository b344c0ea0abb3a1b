/** Combines readings of several processes; `undefined` when one of them is. */

type Reading = number | undefined;

/** The sum of these; `undefined` when one cannot be read. */
export function sumOf(values: readonly Reading[]): Reading {
  return isComplete(values) ? values.reduce((sum, value) => sum + value, 0) : undefined;
}

/** The greatest of these; `undefined` when one cannot be read. */
export function maxOf(values: readonly Reading[]): Reading {
  return isComplete(values) ? Math.max(...values) : undefined;
}

/** The difference of two readings. */
export function difference(after: Reading, before: Reading): Reading {
  return after === undefined || before === undefined ? undefined : after - before;
}

function isComplete(values: readonly Reading[]): values is readonly number[] {
  return values.length > 0 && values.every((value) => value !== undefined);
}
