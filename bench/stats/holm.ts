/**
 * p-values adjusted for their number, in the order given: rejecting those at most α keeps the chance of any false
 * rejection at most α, whatever their dependence.
 *
 * Source: Holm, A simple sequentially rejective multiple test procedure, 1979.
 */
export function holmAdjusted(pValues: readonly number[]): number[] {
  const order = pValues.map((p, index) => ({ p, index })).sort((a, b) => a.p - b.p);
  const adjusted = pValues.map(() => 1);
  let greatest = 0;
  for (const [place, { p, index }] of order.entries()) {
    greatest = Math.max(greatest, Math.min(1, (pValues.length - place) * p));
    adjusted[index] = greatest;
  }
  return adjusted;
}
