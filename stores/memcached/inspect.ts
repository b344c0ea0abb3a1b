import { type Inspection, refusal } from '../service.ts';
import { RefusedError, stats } from './commands.ts';
import type { Link } from './link.ts';

/** What a Memcached, or what speaks its protocol, says of itself. */

const REPORTED_SETTINGS = [
  'evictions',
  'maxbytes',
  'maxconns',
  'num_threads',
  'item_size_max',
  'slab_reassign',
  'growth_factor',
];

/** The meta protocol in its present form: `HD`, since 1.6.10. */
const LEAST_VERSION = [1, 6, 10];

type Figures = ReadonlyMap<string, string>;

/** @throws ServiceError when it cannot serve a run. */
export async function inspectMemcached(link: Link, connections = 0): Promise<Inspection> {
  const { rest: version } = await link.ask('version\r\n');
  const general = await figuresOf(link);
  const all = await figuresOf(link, 'settings');
  checkKind(version, general, all);
  checkVersion(version);
  checkSettings(all, connections);
  const settings = Object.fromEntries(
    REPORTED_SETTINGS.flatMap((name) => {
      const value = all.get(name);
      return value === undefined ? [] : [[name, value]];
    }),
  );
  const idleSeconds = Number(all.get('idle_timeout') ?? 0);
  const closes = `closes connections that are idle for ${idleSeconds} s (idle_timeout): ours are kept open`;
  return { version, settings, notes: idleSeconds === 0 ? [] : [closes] };
}

/** Without any where it refuses the command, as a proxy does. */
async function figuresOf(link: Link, part?: string): Promise<Figures> {
  try {
    return await stats(link, part);
  } catch (error) {
    if (error instanceof RefusedError || link.ended !== undefined) return new Map();
    throw error;
  }
}

/** A proxy spreads keys over several, so that a login and the list of its user are on two. */
function checkKind(version: string, general: Figures, settings: Figures): void {
  const proxy = /mcrouter|twemproxy|nutcracker/i.exec(version)?.[0];
  const isProxy = settings.get('proxy_enabled') === 'yes';
  if (proxy === undefined && !isProxy && general.has('pid') && settings.has('evictions')) return;
  const got = proxy ?? (isProxy ? 'one as a proxy (proxy_config)' : `one without statistics, "${version}"`);
  throw refusal('to be Memcached itself', got, 'Name the Memcached behind it: one, and not several.');
}

function checkVersion(version: string): void {
  const [major = 0, minor = 0, patch = 0] = version.split('.').map((part) => Number.parseInt(part, 10));
  const [leastMajor = 0, leastMinor = 0, leastPatch = 0] = LEAST_VERSION;
  if (major > leastMajor || (major === leastMajor && minor > leastMinor)) return;
  if (major === leastMajor && minor === leastMinor && patch >= leastPatch) return;
  throw refusal(
    `to be version ${LEAST_VERSION.join('.')} or newer, which has the meta protocol`,
    version,
    'Upgrade it, or leave the URL out to have one started.',
  );
}

function checkSettings(settings: Figures, connections: number): void {
  if (settings.get('evictions') !== 'off') {
    throw refusal(
      'to evict nothing: an evicted list of logins is a revocation that ends none of them',
      'evictions on',
      'Start it with -M, or name another one.',
    );
  }
  if (settings.get('cas_enabled') === 'no')
    throw refusal('to compare and swap', 'cas_enabled no', 'Start it without -C.');
  if (settings.get('dump_enabled') === 'no') {
    const remedy = 'Start it without -X: the sessions of the run could not be removed.';
    throw refusal('to list its keys', 'dump_enabled no', remedy);
  }
  const accepted = Number(settings.get('maxconns'));
  if (accepted >= connections) return;
  throw refusal(
    `to accept the ${connections} connections of the run`,
    `maxconns ${accepted}`,
    `Start it with -c ${connections}, or lower --servers.`,
  );
}
