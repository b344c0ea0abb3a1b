/** The middle value, or the mean of the two in the middle; `undefined` without values. */
export function median(values: readonly number[]): number | undefined {
  return middleOf([...values].sort((a, b) => a - b));
}

/** The same of values that are sorted already. */
export function middleOf(sorted: readonly number[]): number | undefined {
  const middle = (sorted.length - 1) / 2;
  const [low, high] = [sorted[Math.floor(middle)], sorted[Math.ceil(middle)]];
  return low === undefined || high === undefined ? undefined : (low + high) / 2;
}

/** The values when all of them are known, otherwise none. */
export function complete(values: readonly (number | undefined)[]): readonly number[] {
  return values.every((value) => value !== undefined) ? values : [];
}

/** The median when all values are known; `undefined` otherwise. */
export const completeMedian = (values: readonly (number | undefined)[]) => median(complete(values));
