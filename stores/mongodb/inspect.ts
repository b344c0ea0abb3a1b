import { randomBytes } from 'node:crypto';
import type { Db, Document } from 'mongodb';
import { type Inspection, refusal, type ServiceError, UNPROVEN } from '../service.ts';
import { hasCode } from './driver.ts';

/** What a MongoDB, or what speaks its protocol, says of itself. */

/** Older ones are out of support, and some run without a journal. */
const LEAST_MAJOR = 7;

/** A right that is missing. */
const UNAUTHORIZED = 13;
const NO_SUCH_COMMAND = 59;

/** Replies of a server; `undefined` where this user may not ask. */
export interface Replies {
  hello: Document;
  buildInfo: Document;
  serverStatus: Document | undefined;
  parameters: Document | undefined;
}

/** @throws ServiceError when it cannot serve a run. */
export async function inspectMongodb(database: Db, connections = 0): Promise<Inspection> {
  const admin = database.client.db('admin');
  const [hello, buildInfo, serverStatus, parameters] = await Promise.all([
    admin.command({ hello: 1 }),
    admin.command({ buildInfo: 1 }),
    ifPermitted(admin.command({ serverStatus: 1 })),
    ifPermitted(admin.command({ getParameter: 1, journalCommitInterval: 1 })),
  ]);
  const inspection = inspectionOf({ hello, buildInfo, serverStatus, parameters }, connections);
  await checkRights(database);
  return inspection;
}

/** What the replies say. @throws ServiceError when a server that replies so cannot serve a run. */
export function inspectionOf(replies: Replies, connections: number): Inspection {
  const { hello, buildInfo, serverStatus, parameters } = replies;
  const fault = kindFault(replies) ?? roleFault(hello) ?? versionFault(buildInfo);
  if (fault !== undefined) throw fault;
  const status = serverStatus ?? {};
  const { current, available } = (status['connections'] ?? {}) as Record<string, number>;
  const room = current === undefined || available === undefined ? undefined : current + available;
  if (room !== undefined && room < connections) throw roomFault(room, connections);
  const engine = (status['storageEngine'] as Document | undefined)?.['name'];
  return {
    version: String(buildInfo['version']),
    settings: withoutUnknown({
      storageEngine: engine,
      journalCommitInterval: parameters?.['journalCommitInterval'],
      setName: hello['setName'],
      maxConnections: room,
    }),
    notes: [
      UNPROVEN,
      ...(hello['setName'] === undefined
        ? []
        : ['a primary of a replica set: what it alone has acknowledged (w: 1) is lost in a failover']),
      ...(serverStatus === undefined
        ? ['durability, connections and CPU: not known without the right to serverStatus (clusterMonitor)']
        : []),
    ],
  };
}

function withoutUnknown(values: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]])),
  );
}

/** What speaks the protocol and is something else. Its rows would be called MongoDB. */
function kindFault({ hello, buildInfo }: Replies): ServiceError | undefined {
  if (hello['msg'] === 'isdbgrid') {
    const remedy = 'Name a mongod that is not part of a sharded cluster.';
    return refusal('to be a mongod itself', 'mongos, a router', remedy);
  }
  if (hello['arbiterOnly'] === true) {
    const remedy = `Name the primary of ${hello['setName']}${named(hello)}.`;
    return refusal('to keep data', 'an arbiter, which keeps none', remedy);
  }
  const engines: unknown = buildInfo['storageEngines'];
  const other = 'ferretdb' in buildInfo || 'ferretdbVersion' in buildInfo ? 'FerretDB' : undefined;
  if (other === undefined && Array.isArray(engines) && engines.includes('wiredTiger')) return undefined;
  const remedy = 'It speaks the protocol, but is another database: name MongoDB itself.';
  return refusal('to be MongoDB', other ?? 'one without WiredTiger', remedy);
}

const named = (hello: Document) => (hello['primary'] === undefined ? '' : `, ${hello['primary']}`);

function roleFault(hello: Document): ServiceError | undefined {
  if (hello['isWritablePrimary'] === true) return undefined;
  const isSecondary = hello['secondary'] === true;
  const got = isSecondary ? 'a secondary, which accepts no writes' : 'a member that is not the primary';
  const remedy = isSecondary ? `Name its primary${named(hello)}.` : 'Wait until it is, or name another one.';
  return refusal('to be a primary', got, remedy);
}

function versionFault(buildInfo: Document): ServiceError | undefined {
  const version = String(buildInfo['version']);
  if (Number.parseInt(version, 10) >= LEAST_MAJOR) return undefined;
  const remedy = 'Upgrade it, or leave the URL out to have one started.';
  return refusal(`to be version ${LEAST_MAJOR}.0 or newer`, version, remedy);
}

function roomFault(room: number, connections: number): ServiceError {
  const remedy = 'Raise net.maxIncomingConnections there, or run with smaller pools or fewer servers.';
  return refusal(`to accept the ${connections} connections of the run`, `room for ${room}`, remedy);
}

/** `undefined` where this user lacks the right. @throws every other error. */
export async function ifPermitted<T>(reply: Promise<T>): Promise<T | undefined> {
  try {
    return await reply;
  } catch (error) {
    if (hasCode(error, UNAUTHORIZED, NO_SUCH_COMMAND)) return undefined;
    throw error;
  }
}

/** Tries what a store does first: only this shows the sum of a user's roles. */
async function checkRights(database: Db): Promise<void> {
  const probe = database.collection<{ _id: number; due: Date }>(`sb_probe_${randomBytes(6).toString('hex')}`);
  let isMade = false;
  try {
    await probe.createIndex({ due: 1 }, { expireAfterSeconds: 60 });
    isMade = true;
    await probe.insertOne({ _id: 1, due: new Date() });
    await probe.findOneAndUpdate({ _id: 1 }, { $set: { due: new Date() } });
    await probe.deleteMany({});
  } catch (error) {
    if (!hasCode(error, UNAUTHORIZED)) throw error;
    const remedy = `Grant it: db.grantRolesToUser(USER, ["readWrite"]) in ${database.databaseName}.`;
    throw refusal('to let this user create and use collections', (error as Error).message, remedy, error);
  } finally {
    if (isMade) await probe.drop();
  }
}

/** Whether the settings provide that durability, as far as it is not a matter of each write; `undefined`: unknown. */
export function mongodbDurabilityMatches(
  { storageEngine }: Readonly<Record<string, string>>,
  durability: string,
): boolean | undefined {
  if (durability === 'none') return false;
  return storageEngine === undefined ? undefined : storageEngine === 'wiredTiger';
}
