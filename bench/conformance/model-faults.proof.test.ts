import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { jwt } from '../../stores/jwt/backend.ts';
import { jwtBlacklist } from '../../stores/jwt-blacklist/backend.ts';
import { mariadb } from '../../stores/mariadb/backend.ts';
import { type MariadbFixture, startMariadbFixture } from '../../stores/mariadb/fixture.ts';
import { memory } from '../../stores/memory/backend.ts';
import { redis } from '../../stores/redis/backend.ts';
import { type RedisFixture, startRedisFixture } from '../../stores/redis/fixture.ts';
import type { StoreDefinition } from '../../stores/store.ts';
import { type ModelSubject, runModel, type WrapStore } from '../../stores/suite/model-run.ts';
import * as faults from '../../stores/suite/planted-faults.ts';
import { printSeed } from '../../stores/suite/seed.ts';
import { upsertsRow } from './fixtures/mariadb-faults.ts';
import { keepsFamilies, trustsRefreshTokens } from './fixtures/refresh-faults.ts';
import {
  countsThenCreates,
  logsOutAtClient,
  upsertsOnUpdate,
  withoutRotation,
} from './fixtures/session-faults.ts';
import { acceptsUnsigned, deniesTokens, epochInSeconds, trustsTokens } from './fixtures/token-faults.ts';

/** Sequences within which a fault must show: some ten times as many as the rarest takes on average. */
const RUNS = 500;

interface Planted extends Pick<ModelSubject, 'definition' | 'wrapStore' | 'options'> {
  fault: string;
}

const planted = (
  fault: string,
  definition: StoreDefinition,
  wrapStore?: WrapStore,
  options = {},
): Planted => {
  return { fault, definition, options, ...(wrapStore === undefined ? {} : { wrapStore }) };
};
const ROTATING = { refresh: 'rotating' };

/** Also those that are planted in the servers of the matrix, as far as they are faults of a store. */
const PLANTED: readonly Planted[] = [
  planted('a login keeps the id of the anonymous session', redis, withoutRotation),
  planted('a logout deletes the cookie alone', redis, logsOutAtClient),
  planted('an update saves what it loaded, though that has ended', redis, upsertsOnUpdate),
  // A race: it shows where two logins run at once.
  planted('the logins are counted, then there is one more', redis, countsThenCreates),
  planted('a token says how it is to be verified', jwt, acceptsUnsigned),
  planted('a token says how it is to be verified', jwtBlacklist, acceptsUnsigned),
  planted('one server of two asks the list', jwtBlacklist, (store, context, server) =>
    server === 0 ? store : trustsTokens(store, context),
  ),
  planted('a logout denies one token by its hash', jwtBlacklist, deniesTokens),
  planted('a revocation is a time in whole seconds', jwtBlacklist, epochInSeconds),
  planted('a refresh token is believed', jwtBlacklist, trustsRefreshTokens, ROTATING),
  planted('a logout leaves the refresh token', jwtBlacklist, keepsFamilies, ROTATING),
  planted('a refresh token that was used is only refused', jwtBlacklist, faults.forgivesReuse(), ROTATING),
  planted('an update ignores the version', redis, faults.ignoresVersion),
  planted('an update ignores the version', mariadb, faults.ignoresVersion),
  planted('an update is an upsert of the row', mariadb, upsertsRow),
  planted('a rotation leaves the old token', redis, faults.keepsRotated),
  planted('the limit is one more', redis, faults.allowsOneMore),
  planted('the newest login is evicted', redis, faults.evictsNewest),
  planted('a disabled user stays logged in', memory, faults.keepsDisabled),
  planted('the login that is to be kept is revoked too', redis, faults.revokesAll),
  planted('a handle ends the login of another user', redis, faults.endsAnyLogin),
  planted('logins that idled away are listed', faults.listsExpired(redis)),
  planted('a session lives at the moment of its end', faults.readsAtExpiry(memory)),
  planted('a touch reaches beyond the absolute expiry', faults.touchesPastAbsolute(memory)),
];

const seed = printSeed('faults of a store');
let redisServer: RedisFixture;
let mariadbServer: MariadbFixture;
beforeAll(async () => {
  [redisServer, mariadbServer] = await Promise.all([startRedisFixture('none'), startMariadbFixture('none')]);
});
afterAll(() => Promise.all([redisServer.stop(), mariadbServer.stop()]));

describe('the model finds', () => {
  test.each(PLANTED)('$fault ($definition.name)', async ({ fault, ...subject }) => {
    const details = await runModel(
      { ...subject, serviceUrl: subject.definition === mariadb ? mariadbServer.url : redisServer.url },
      { seed, runs: RUNS, shrink: false },
    );
    console.log(`${subject.definition.name}, ${fault}: found in sequence ${details.numRuns} of ${RUNS}`);
    expect(details.failed, fc.defaultReportMessage(details)).toBe(true);
    expect(details.errorInstance).toMatchObject({ code: 'ERR_ASSERTION' });
  });
});
