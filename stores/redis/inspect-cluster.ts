/** What the nodes of a cluster say of themselves, and whether each primary can serve a run. */

import type { Redis } from 'ioredis';
import { type Inspection, refusal, ServiceError } from '../service.ts';
import { addressesOf, type ClusterNode, nodesOf, primaryAddresses, SLOTS } from './cluster.ts';
import { ifAnswered } from './info.ts';

/** Calls `talk` with a connection to another node. */
export type WithNode = <T>(
  place: { host: string; port: number },
  talk: (node: Redis) => Promise<T>,
) => Promise<T>;

/**
 * @param inspect inspects one primary.
 * @throws ServiceError when one of them cannot serve a run, when not all slots are served, or when the primaries have
 * different settings.
 */
export async function inspectCluster(
  redis: Redis,
  withNode: WithNode,
  inspect: (primary: Redis) => Promise<Inspection>,
): Promise<Inspection> {
  if (Number(redis.options.db ?? 0) !== 0) {
    const remedy = 'Leave the number out of the URL.';
    throw refusal('to have another database than 0', 'a cluster, which has one', remedy);
  }
  const nodes = await slotsOf(redis);
  await checkSlots(redis, nodes);
  const primaries = primaryAddresses(nodes);
  const found: Inspection[] = [];
  for (const place of primaries) found.push(await reached(place, () => withNode(place, inspect)));
  const [first] = found;
  if (first === undefined) throw refusal('to serve slots', 'a cluster without any', CHECK);
  checkAlike(found.map(({ settings }) => settings));
  const replicas = addressesOf(nodes).length - primaries.length;
  return {
    ...first,
    version: `${first.version} cluster of ${primaries.length}`.trim(),
    servers: primaries.length,
    notes: [
      ...new Set(found.flatMap(({ notes }) => notes)),
      `a cluster of ${primaries.length} primaries and ${replicas} replicas`,
    ],
  };
}

const CHECK = 'redis-cli --cluster check HOST:PORT shows what is missing.';

async function slotsOf(redis: Redis): Promise<ClusterNode[]> {
  try {
    return await nodesOf(redis);
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'ReplyError') throw error;
    const remedy = 'Grant it: ACL SETUSER NAME +cluster|slots +cluster|info.';
    throw refusal('to let this user see the slots of the cluster', `"${error.message}"`, remedy, error);
  }
}

async function checkSlots(redis: Redis, nodes: readonly ClusterNode[]): Promise<void> {
  const state = /cluster_state:(\w+)/.exec((await ifAnswered(redis.cluster('INFO'))) ?? '')?.[1];
  const served = nodes
    .filter(({ isPrimary }) => isPrimary)
    .reduce((sum, { firstSlot, lastSlot }) => sum + lastSlot - firstSlot + 1, 0);
  if (served === SLOTS && (state ?? 'ok') === 'ok') return;
  const got = served === SLOTS ? `cluster_state ${state}` : `${served} of ${SLOTS}`;
  throw refusal('to be a cluster that serves all slots', got, CHECK);
}

/** A node that announces an address of its own network cannot be reached from another. */
async function reached<T>(place: { host: string; port: number }, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (!(error instanceof ServiceError) || error.kind !== 'unreachable') throw error;
    throw refusal(
      'to announce nodes that this machine can reach',
      `${place.host}:${place.port}: ${error.message}`,
      'Start that node, or set its cluster-announce-ip and cluster-announce-port.',
      error,
    );
  }
}

/** Settings of one are shown for all. */
function checkAlike(settings: readonly Readonly<Record<string, string>>[]): void {
  const [first = {}] = settings;
  for (const [key, value] of Object.entries(first)) {
    const other = settings.find((one) => one[key] !== value)?.[key];
    if (other === undefined) continue;
    const got = `${key} ${value || '(none)'} and ${other || '(none)'}`;
    throw refusal('to have primaries with the same settings', got, 'Set all of them alike.');
  }
}
