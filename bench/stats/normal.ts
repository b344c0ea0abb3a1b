/**
 * P(Z ≤ z) of the standard normal distribution, to about 14 digits.
 *
 * Source: Abramowitz and Stegun, 26.2.11 (series) in the middle and 26.2.14 (continued fraction) in the tails.
 */
export function normalCdf(z: number): number {
  if (Number.isNaN(z)) return Number.NaN;
  const distance = Math.abs(z);
  if (distance > 40) return z < 0 ? 0 : 1;
  const density = Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI);
  if (distance < 4) {
    let [term, sum] = [z, z];
    for (let odd = 3; Math.abs(term) > 1e-18 * Math.abs(sum); odd += 2) {
      term *= (z * z) / odd;
      sum += term;
    }
    return 0.5 + density * sum;
  }
  let fraction = distance;
  for (let level = 60; level >= 1; level -= 1) fraction = distance + level / fraction;
  const tail = density / fraction;
  return z < 0 ? tail : 1 - tail;
}

/** The z with P(Z ≤ z) = p, for p above 0 and below 1: bisection of {@link normalCdf}, to about 12 digits. */
export function normalQuantile(p: number): number {
  let [low, high] = [-40, 40];
  for (let step = 0; step < 60; step += 1) {
    const middle = (low + high) / 2;
    if (normalCdf(middle) < p) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}
