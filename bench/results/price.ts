import { median } from '../stats/median.ts';
import type { Row } from './row.ts';
import { groupTitle } from './table.ts';
import { wrap } from './text.ts';

/**
 * What the blacklist costs per request beside the plain token, in each group that has both: one line each, medians
 * over the blocks. CPU of server and store together, and round trips. A description, no ranking: the two ran one
 * after the other.
 */
export function blacklistPrice(rows: readonly Row[]): string[] {
  const usable = rows.filter(
    (row) =>
      row.operation === 'all' && row.status === 'ok' && row.valid === true && row.scenario !== 'revocation',
  );
  return [...new Set(usable.map(groupTitle))].flatMap((title) => {
    const group = usable.filter((row) => groupTitle(row) === title);
    const of = (store: string) => group.filter((row) => row.store === store);
    const listed = medianOf(of('jwt-blacklist'), cpuUs);
    const plain = medianOf(of('jwt'), cpuUs);
    const trips = medianOf(of('jwt-blacklist'), (row) => row.store_commands_per_req);
    if (listed === undefined || plain === undefined || trips === undefined) return [];
    const more = listed - plain;
    const cpu =
      more > 0 ? `${more.toFixed(1)} µs CPU of server and store` : 'CPU below the noise of this run';
    const caveat = 'The two were not measured at the same time.';
    return wrap(
      `Price of the blacklist beyond plain jwt (${title}): ${cpu}, ${trips.toFixed(2)} round trips per request. ${caveat}`,
    );
  });
}

function medianOf(rows: readonly Row[], figure: (row: Row) => number | undefined): number | undefined {
  return median(rows.map(figure).filter((value) => value !== undefined));
}

function cpuUs(row: Row): number | undefined {
  const server = row.cpu_us_per_req_server;
  return server === undefined ? undefined : server + (row.cpu_us_per_req_store ?? 0);
}
