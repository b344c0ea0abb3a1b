/** A change for people, from ln(head / base): `+10.3 %`. */
export function percentText(logRatio: number): string {
  if (!Number.isFinite(logRatio)) return logRatio < 0 ? '-∞' : '+∞';
  const percent = Math.expm1(logRatio) * 100;
  return `${percent < 0 ? '-' : '+'}${Math.abs(percent).toFixed(1)} %`;
}
