import { expect, test } from 'vitest';
import { ServiceError, UNPROVEN } from '../service.ts';
import { writeConcernOf } from './connection.ts';
import { inspectionOf, mongodbDurabilityMatches, type Replies } from './inspect.ts';
import { mongodArguments, mongodbServer } from './server.ts';

/** Replies as the manual of MongoDB 8.0 shows them: none has been seen. */
const REPLIES: Replies = {
  hello: { isWritablePrimary: true, maxBsonObjectSize: 16_777_216 },
  buildInfo: { version: '8.0.4', storageEngines: ['devnull', 'wiredTiger'] },
  serverStatus: { storageEngine: { name: 'wiredTiger' }, connections: { current: 3, available: 797 } },
  parameters: { journalCommitInterval: 100 },
};

test('a server alone: its version and settings, and that nobody has run the tests on one', () => {
  expect(inspectionOf(REPLIES, 800)).toEqual({
    version: '8.0.4',
    settings: { storageEngine: 'wiredTiger', journalCommitInterval: '100', maxConnections: '800' },
    notes: [UNPROVEN],
  });
});

test('a primary of a replica set is measured, with what a failover loses', () => {
  const hello = { ...REPLIES.hello, setName: 'rs0' };
  const { settings, notes } = inspectionOf({ ...REPLIES, hello }, 1);
  expect(settings['setName']).toBe('rs0');
  expect(notes).toEqual([UNPROVEN, expect.stringMatching(/replica set.*failover/)]);
});

test('what a user may not ask is not known, and the right is named', () => {
  const replies = { ...REPLIES, serverStatus: undefined, parameters: undefined };
  const { settings, notes } = inspectionOf(replies, 10_000);
  expect(settings).toEqual({});
  expect(notes).toEqual([UNPROVEN, expect.stringContaining('clusterMonitor')]);
  expect(mongodbDurabilityMatches(settings, 'second')).toBeUndefined();
});

const NO_PRIMARY = { isWritablePrimary: false, setName: 'rs0' };
test.each<[string, Partial<Replies>, RegExp, RegExp]>([
  ['mongos', { hello: { isWritablePrimary: true, msg: 'isdbgrid' } }, /mongos/, /sharded/],
  [
    'a secondary',
    { hello: { ...NO_PRIMARY, secondary: true, primary: 'p:27017' } },
    /secondary/,
    /primary, p:27017/,
  ],
  ['an arbiter', { hello: { ...NO_PRIMARY, arbiterOnly: true } }, /arbiter/, /primary of rs0/],
  ['one that starts', { hello: NO_PRIMARY }, /not the primary/, /Wait/],
  ['an old one', { buildInfo: { ...REPLIES.buildInfo, version: '6.0.19' } }, /6\.0\.19/, /Upgrade/],
  ['FerretDB', { buildInfo: { ...REPLIES.buildInfo, ferretdb: {} } }, /FerretDB/, /another database/],
  ['another one', { buildInfo: { version: '8.0.0' } }, /WiredTiger/, /another database/],
])('%s is refused with what to do', (_name, replies, got, remedy) => {
  let error: unknown;
  try {
    inspectionOf({ ...REPLIES, ...replies }, 1);
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toBeInstanceOf(ServiceError);
  const { kind, message, advice } = error as ServiceError;
  expect(kind).toBe('refused');
  expect(message).toMatch(got);
  expect(advice?.remedy).toMatch(remedy);
});

test('fewer connections than the run needs', () => {
  expect(() => inspectionOf(REPLIES, 801)).toThrow(/room for 800/);
});

test('the durability is that of each write, on an engine that writes to the disk', () => {
  expect(writeConcernOf('none')).toEqual({ w: 1, journal: false });
  expect(writeConcernOf('second')).toEqual({ w: 1, journal: false });
  expect(writeConcernOf('commit')).toEqual({ w: 1, journal: true });
  expect(mongodbDurabilityMatches({ storageEngine: 'wiredTiger' }, 'commit')).toBe(true);
  expect(mongodbDurabilityMatches({ storageEngine: 'wiredTiger' }, 'none')).toBe(false);
  expect(mongodbDurabilityMatches({ storageEngine: 'inMemory' }, 'second')).toBe(false);
});

test('a server of the harness listens on the loopback alone, with a password that is no argument', () => {
  const text = mongodArguments(1, 700).join(' ');
  expect(text).toContain('--auth --bind_ip 127.0.0.1 --port 1 --nounixsocket');
  expect(text).toContain('--maxConns 1400');
  const plan = mongodbServer.plan({ durability: 'second', maxConnections: 1 });
  const [password = ''] = plan.secrets;
  expect(password).toHaveLength(24);
  expect(plan.args(1).join(' ')).not.toContain(password);
  expect(new URL(plan.url(1)).password).toBe(password);
});
