import { expect, test } from 'vitest';
import { readServiceUrl } from '../service-url.ts';
import { databaseOf, MONGODB_URL } from './url.ts';

test.each([
  ['mongodb://127.0.0.1/bench', 'bench'],
  ['"mongodb://u:p%40w@h:27018/bench?authSource=admin"', 'bench'],
  ['mongodb://[::1]:27017/my%2Dbench?directConnection=true', 'my-bench'],
  ['mongodb://%2Frun%2Fmongodb.sock/bench', 'bench'],
  ['mongodb://u:p@h/bench?tls=true&tlsCAFile=/etc/hosts&authMechanism=SCRAM-SHA-256', 'bench'],
])('%s names a database', (text, database) => {
  const read = readServiceUrl(text, MONGODB_URL);
  expect(read).not.toHaveProperty('fault');
  if ('url' in read) expect(databaseOf(read.url)).toBe(database);
});

test.each([
  ['mongodb+srv://u:hunter2@cluster.example/db?retryWrites=true&w=majority', /mongodb\+srv/, /primary/],
  ['mongodb://u:hunter2@a:1,b:2,c:3/db?replicaSet=rs0', /replicaSet/, /primary/],
  ['mongodb://u:hunter2@a:1,b:2/db', /several/, /primary/],
  ['mongodb://u:hunter2@h', /none/, /authSource=admin/],
  ['mongodb://u:hunter2@h/admin', /own/, /DATABASE/],
  ['mongodb://h/a/b', /another path/, /DATABASE/],
  ['mongodb://h/db?w=0', /\?w=/, /--durability/],
  ['mongodb://h/db?journal=true', /\?journal=/, /--durability/],
  ['mongodb://h/db?wtimeoutMS=1', /\?wtimeoutMS=/, /--durability/],
  ['mongodb://h/db?readPreference=secondary', /\?readPreference=/, /primary/],
  ['mongodb://h/db?retryWrites=true', /\?retryWrites=/, /store/],
  ['mongodb://h/db?maxPoolSize=1', /\?maxPoolSize=/, /store/],
  ['mongodb://h/db?socketTimeoutMS=1', /\?socketTimeoutMS=/, /store/],
  ['mongodb://h/db?compressors=zlib', /\?compressors=/, /store/],
  ['mongodb://h/db?tlsInsecure=true', /\?tlsInsecure=/, /tls=true/],
  ['mongodb://h/db?ssl=true', /\?ssl=/, /tls=true/],
  ['mongodb://h/db?unheardOf=1', /\?unheardOf=/, /flags/],
  ['mongodb://h/db?tls=yes', /another value/, /Correct/],
  ['mongodb://h/db?directConnection=false', /another value/, /one server/],
  ['mongodb://h/db?tlsCAFile=/etc/hosts', /switched off/, /tls=true/],
  ['mongodb://h/db?tls=true&tlsCAFile=/nowhere.pem', /does not exist/, /./],
  ['mongodb://u:hunter2@h/db?authMechanism=MONGODB-X509', /another one/, /password/],
  ['mongodb://h/db?authMechanism=SCRAM-SHA-1', /none/, /USER:PASSWORD/],
  ['mongodb://user@h/db', /one of the two/, /USER:PASSWORD/],
  ['mongodb://%2Frun%2Fs:1/db', /with it/, /port/],
  ['mongodb://h:0/db', /port 0/, /port/],
  ['h:27017', /not a URL/, /mongodb:\/\//],
  ['mongo://h/db', /otherwise/, /mongodb:\/\//],
])('%s is refused, with what to write', (text, got, remedy) => {
  const read = readServiceUrl(text, MONGODB_URL);
  if (!('fault' in read)) throw new Error('expected a fault, got none');
  expect(read.fault.got).toMatch(got);
  expect(read.fault.remedy).toMatch(remedy);
  expect(JSON.stringify(read.fault)).not.toContain('hunter2');
});
