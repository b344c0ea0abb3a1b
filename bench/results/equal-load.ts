import type { Observed } from './observed.ts';
import type { Row } from './row.ts';

/** Rule 7: what makes CPU per request at equal load comparable. Pure. */

const MAX_UTILISATION = 0.6;

/** Above this utilisation requests queue, and a server that queues answers in batches, which cost less. */
export function equalLoadReasons(
  {
    cpuNs,
    busiestServerNs = 0,
    windowSeconds,
  }: Pick<Observed, 'cpuNs' | 'busiestServerNs' | 'windowSeconds'>,
  systemCores: number,
): string[] {
  const busy = (cpuNs.server ?? 0) + (cpuNs.store ?? 0);
  const utilisation = Math.max(busy / systemCores, busiestServerNs) / 1e9 / windowSeconds;
  if (utilisation <= MAX_UTILISATION) return [];
  return [`utilisation ${(utilisation * 100).toFixed(0)} % at equal load (limit 60 %)`];
}

const MAX_RATE_DIFFERENCE = 0.005;
const MAX_BATCH_DIFFERENCE = 0.02;

/** Arms of a block at equal load had the same rate and the same batches. `undefined` when they did. */
export function unequalLoadReason(rows: readonly Row[]): string | undefined {
  const measured = rows.filter(({ pass, status }) => pass === 'equal-load' && status === 'ok');
  return (
    apart(measured, answeredRate, MAX_RATE_DIFFERENCE, 'achieved rates') ??
    apart(measured, (row) => row.sends_per_pump, MAX_BATCH_DIFFERENCE, 'requests sent together')
  );
}

/**
 * The offered rate by the share of it that was answered. Not `rps_ok`: its time ends with the last reply of each slice,
 * so that slower replies alone make it 1 % less.
 */
function answeredRate({ target_rps: target, scheduled, completed }: Row): number | undefined {
  if (target === undefined || scheduled === undefined || completed === undefined) return undefined;
  return (target * completed) / scheduled;
}

function apart(
  rows: readonly Row[],
  figure: (row: Row) => number | undefined,
  limit: number,
  what: string,
): string | undefined {
  const values = rows.map((row) => figure(row) ?? Number.NaN).sort((a, b) => a - b);
  const [least = 1, most = 1] = [values[0], values.at(-1)];
  const difference = most / least - 1;
  if (difference <= limit) return undefined;
  const share = (value: number) => `${Number((value * 100).toFixed(1))} %`;
  return `unequal load: ${what} differ by ${share(difference)} between arms (limit ${share(limit)})`;
}
