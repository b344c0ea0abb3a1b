import type { Row } from './row.ts';
import { wrap } from './text.ts';

/**
 * What the blacklist costs per request beside the plain token, in each group that has both: one line each.
 * CPU of server and store together, and round trips. A description, no ranking: the two ran one after the other.
 */
export function blacklistPrice(rows: readonly Row[]): string[] {
  const whole = rows.filter((row) => row.operation === 'all' && row.status === 'ok' && row.valid === true);
  return whole
    .filter((row) => row.store === 'jwt-blacklist' && row.scenario !== 'revocation')
    .flatMap((listed) => {
      const plain = whole.find((row) => row.store === 'jwt' && sameGroup(row, listed));
      const [with_, without] = [cpuUs(listed), plain && cpuUs(plain)];
      if (with_ === undefined || without === undefined) return [];
      const [more, trips] = [(with_ - without).toFixed(1), listed.store_commands_per_req?.toFixed(2) ?? '?'];
      const where = `${listed.scenario}, ${listed.servers} servers, ${listed.affinity}`;
      return wrap(
        `Price of the blacklist (${where}): ${more} µs CPU of server and store and ${trips} round trips per request beyond plain jwt. Taken one after the other: what lies below the noise, also its sign, means nothing.`,
      );
    });
}

function sameGroup(a: Row, b: Row): boolean {
  const axes = [
    'block',
    'servers',
    'affinity',
    'balancer',
    'scenario',
    'payload_bytes',
    'transport',
  ] as const;
  return axes.every((axis) => a[axis] === b[axis]);
}

function cpuUs(row: Row): number | undefined {
  const server = row.cpu_us_per_req_server;
  return server === undefined ? undefined : server + (row.cpu_us_per_req_store ?? 0);
}
