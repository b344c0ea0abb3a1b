/** The two drivers behind one interface. Each is loaded when it is chosen. */

import type { Socket } from 'node:net';
import type { Address } from './url.ts';

/** Rows as arrays of their columns: of a CALL those of its first result. */
export interface Reply {
  rows: readonly (readonly unknown[])[];
  /** Rows that a write has matched. */
  affectedRows: number;
  insertId: number;
}

/** One connection as a driver offers it. A lost one is noticed by the socket, which belongs to the caller. */
export interface DriverConnection {
  /** A statement that is prepared once per connection. */
  execute(text: string, values: readonly unknown[]): Promise<Reply>;
  /** A statement as text. */
  query(text: string): Promise<Reply>;
  /** Says goodbye, and closes the socket. */
  quit(): Promise<void>;
}

export type DriverName = 'mariadb' | 'mysql2';

/** Connects over this socket, which is connecting already. @throws the error of the driver, or of the server. */
export function connectBy(driver: DriverName, address: Address, socket: Socket): Promise<DriverConnection> {
  return driver === 'mysql2' ? connectMysql2(address, socket) : connectMariadb(address, socket);
}

const isLoopback = ({ target }: Address) =>
  'path' in target || /^(localhost|::1|127(\.\d+){3})$/.test(target.host);

const hostIn = ({ target }: Address) => ('host' in target ? target.host : 'localhost');

/** Sends a statement at once, without waiting for earlier replies; a first one together with its preparation. */
async function connectMariadb(address: Address, socket: Socket): Promise<DriverConnection> {
  const { createConnection } = await import('mariadb');
  const { user, password, database, tls } = address;
  const connection = await createConnection({
    host: hostIn(address),
    user,
    password,
    database,
    stream: () => socket,
    // The caller has a limit of its own, which also holds against a server that is silent later.
    connectTimeout: 0,
    rowsAsArray: true,
    bigIntAsNumber: true,
    insertIdAsNumber: true,
    decimalAsNumber: true,
    checkDuplicate: false,
    // Otherwise errors contain users and data.
    logParam: false,
    collation: 'UTF8MB4_BIN',
    permitRedirect: false,
    // MySQL's default authentication without TLS. Elsewhere a man in the middle could send a key of his own.
    allowPublicKeyRetrieval: isLoopback(address),
    ...(tls === undefined
      ? {}
      : { ssl: { ...tls.options, ...(tls.verifyIdentity ? {} : { checkServerIdentity: () => undefined }) } }),
  } as Parameters<typeof createConnection>[0]);
  // A lost connection is reported by its socket.
  connection.on('error', () => undefined);
  return {
    execute: async (text, values) => toReply(await connection.execute(text, values)),
    query: async (text) => toReply(await connection.query(text)),
    quit: () => connection.end(),
  };
}

/** Sends a statement when the reply to the previous one is here: the driver cannot pipeline. */
async function connectMysql2(address: Address, socket: Socket): Promise<DriverConnection> {
  const { default: mysql } = await import('mysql2');
  const { user, password, database, tls } = address;
  const connection = mysql.createConnection({
    host: hostIn(address),
    user,
    password,
    database,
    stream: socket,
    connectTimeout: 0,
    rowsAsArray: true,
    supportBigNumbers: true,
    charset: 'UTF8MB4_BIN',
    ...(tls === undefined ? {} : { ssl: { ...tls.options, verifyIdentity: tls.verifyIdentity } as object }),
  });
  await new Promise<void>((resolve, reject) => {
    // Also for what comes later: a lost connection is reported by its socket.
    connection.on('error', reject);
    connection.once('connect', () => resolve());
  });
  const ask = (send: (done: (error: unknown, result: unknown) => void) => void) =>
    new Promise<Reply>((resolve, reject) => {
      send((error, result) => (error ? reject(withoutValues(error)) : resolve(toReply(result))));
    });
  return {
    execute: (text, values) => ask((done) => connection.execute(text, values as string[], done)),
    query: (text) => ask((done) => connection.query(text, done)),
    quit: () =>
      new Promise((resolve) => {
        connection.end(() => resolve());
      }),
  };
}

/** The driver adds the statement as it was sent, which a message need not show. */
function withoutValues(error: unknown): unknown {
  if (error instanceof Error && 'sql' in error) Reflect.deleteProperty(error, 'sql');
  return error;
}

interface Written {
  affectedRows: number;
  insertId: number;
}

function toReply(result: unknown): Reply {
  if (!Array.isArray(result)) {
    const { affectedRows, insertId } = result as Written;
    return { rows: [], affectedRows, insertId: Number(insertId) };
  }
  // The results of a CALL end with what it has written.
  const isCall = result.length > 0 && !Array.isArray(result.at(-1));
  return { rows: isCall ? result[0] : result, affectedRows: 0, insertId: 0 };
}
