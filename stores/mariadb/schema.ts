import { failedLoginsTable } from './failed-logins.ts';
import type { Statement } from './links.ts';
import {
  forgetProcedure,
  loginProcedure,
  revokeProcedure,
  setDisabledProcedure,
  sweepProcedure,
} from './procedures.ts';
import {
  countRows,
  isLockOf,
  type Procedure,
  setupScript,
  sweeperRow,
  sweeperTable,
  sweepTurn,
  table,
  USER_TYPE,
  userLocks,
} from './setup.ts';

export type SessionSql = ReturnType<typeof sessionSql>;

/** Statements of these texts, each under its key as its name. */
function statements<N extends string>(texts: Readonly<Record<N, string>>): Record<N, Statement> {
  const named = Object.entries<string>(texts).map(([name, text]) => [name, { name, text }]);
  return Object.fromEntries(named) as Record<N, Statement>;
}

const call = ({ name }: Procedure, parameters: number) =>
  `call ${name}(${Array.from({ length: parameters }, () => '?').join(', ')})`;

/**
 * All SQL for sessions. Values are bound in the order of the text.
 * @param isLost whether a crash must lose them.
 */
export function sessionSql(prefix: string, isLost: boolean) {
  const sessions = `\`${prefix}sessions\``;
  const live = 'touched_ms > ? and absolute_expiry_ms > ?';
  const isLive = `id = ? and ${live}`;
  const login = loginProcedure(prefix);
  const revoke = revokeProcedure(prefix);
  const setDisabled = setDisabledProcedure(prefix);
  const sweep = sweepProcedure(prefix);
  const expired = 'not (touched_ms > p_idle_since and absolute_expiry_ms > p_now)';
  const turn = sweepTurn(prefix, 'sessions', 'id', expired);
  const counts = failedLoginsTable(prefix);
  const forget = forgetProcedure(prefix, ['sessions', 'disabled_users', counts.table]);
  const forgetting = [
    table(prefix, 'since_start', 'one tinyint primary key', 'engine = memory'),
    forget.create,
  ];
  return {
    /** Creates what is missing; safe to run concurrently from several servers. */
    setup: setupScript(prefix, [
      ...tables(prefix),
      ...userLocks(prefix),
      sweeperTable(prefix),
      sweeperRow(prefix, 'sessions'),
      ...counts.setup,
      ...[login, revoke, setDisabled, sweep, turn].map(({ create }) => create),
      ...(isLost ? forgetting : []),
    ]),
    /** What each connection begins with. */
    begin: isLost ? call(forget, 0) : undefined,
    ...statements({
      read: `select user_id, role, data, version, created_ms, touched_ms, absolute_expiry_ms
             from ${sessions} where ${isLive}`,
      // Takes the user's lock, shared, and only then looks whether the user is disabled: the left join has this order, and
      // a read that locks sees what was committed last. It costs half of what the procedure does.
      createLogin: `insert into ${sessions}
                      (id, user_id, role, data, version, created_ms, touched_ms, absolute_expiry_ms)
                    select ?, ?, ?, ?, 1, ?, ?, ?
                    from \`${prefix}locks\` left join \`${prefix}disabled_users\` as disabled on disabled.user_id = ?
                    where ${isLockOf('?')} and disabled.user_id is null lock in share mode`,
      // Only for a session without a user, which nothing can refuse.
      create: `insert into ${sessions} (id, role, data, version, created_ms, touched_ms, absolute_expiry_ms)
               values (?, ?, ?, 1, ?, ?, ?)`,
      // The reply to an update has no rows, but the id that was inserted last: a place for the new version.
      update: `update ${sessions} set data = ?, version = last_insert_id(version + 1) where ${isLive}`,
      updateIfVersion: `update ${sessions} set data = ?, version = version + 1 where ${isLive} and version = ?`,
      isLive: `select 1 from ${sessions} where ${isLive}`,
      // greatest: a server whose clock is behind must not revoke time that another one has granted.
      touch: `update ${sessions} set touched_ms = greatest(touched_ms, ?) where ${isLive}`,
      login: call(login, 10),
      destroy: `delete from ${sessions} where ${isLive}`,
      // What has expired here may live on a server whose clock is behind: a logout ends it too.
      destroyExpired: `delete from ${sessions} where id = ?`,
      destroyLogin: `delete from ${sessions} where ${isLive} and user_id = ?`,
      destroyExpiredLogin: `delete from ${sessions} where id = ? and user_id = ?`,
      revokeUser: call(revoke, 4),
      setDisabled: call(setDisabled, 4),
      listUser: `select id, created_ms, absolute_expiry_ms from ${sessions}
                 where user_id = ? and ${live} order by created_ms, id`,
      sweep: call(sweep, 3),
      sweepTurn: call(turn, 3),
      stats: countRows(prefix, 'sessions'),
    }),
  };
}

/**
 * What touch and update write is in no index. The absolute expiry has none either: the sweep walks the primary key, and
 * each index costs every login. Sessions without a user are in the index of users as well: there are no partial
 * indexes.
 */
function tables(prefix: string): string[] {
  return [
    table(
      prefix,
      'sessions',
      `id binary(32) primary key,
       user_id ${USER_TYPE},
       role varchar(8) character set ascii collate ascii_bin not null,
       version int not null,
       created_ms bigint not null,
       touched_ms bigint not null,
       absolute_expiry_ms bigint not null,
       data longblob not null,
       key sessions_user (user_id)`,
    ),
    table(prefix, 'disabled_users', `user_id ${USER_TYPE} primary key`),
  ];
}
