/** NaN without values. */
export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Of a sample (n − 1); `undefined` for fewer than two values. */
export function varianceOf(values: readonly number[]): number | undefined {
  if (values.length < 2) return undefined;
  const centre = mean(values);
  const squares = values.reduce((sum, value) => sum + (value - centre) ** 2, 0);
  return squares / (values.length - 1);
}

/** Of a sample (n − 1); `undefined` for fewer than two values. */
export function standardDeviation(values: readonly number[]): number | undefined {
  const variance = varianceOf(values);
  return variance === undefined ? undefined : Math.sqrt(variance);
}
