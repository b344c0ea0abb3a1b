import type { Socket } from 'node:net';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { BenchError, messageOf } from '../errors.ts';

/**
 * Between `pnpm bench collect` and its workers: JSON, an object a line, over TLS whose two ends know the same token
 * (RFC 4279, RFC 8442: pre-shared keys with an ephemeral exchange). Nothing is read from a peer without it, and what it
 * carries, such as passwords of a contract, is encrypted. No certificates are needed.
 */

export interface Address {
  host: string;
  port: number;
}

/** One end. */
export interface Channel<In, Out> {
  /** The address of the other end. */
  peer: string;
  send(message: Out): void;
  /** Set before the next turn of the loop: messages that came meanwhile are not lost. */
  onMessage: (message: In) => void;
  /** Called once, with the reason for people, unless it was closed here. */
  onLost: (why: string) => void;
  /** What was sent still arrives. */
  close(): void;
}

const IDENTITY = 'session-bench';
const TLS = {
  ciphers: 'ECDHE-PSK-CHACHA20-POLY1305',
  minVersion: 'TLSv1.2',
  maxVersion: 'TLSv1.2',
} as const;
const HANDSHAKE_MS = 5_000;
/** A result has several histograms of some 10 kB; nothing is near this. */
const MAX_LINE = 16 * 1024 * 1024;
/** After the end, until a peer that does not end as well is dropped. */
const CLOSE_MS = 1_000;

export interface ChannelServer {
  port: number;
  /** Stops listening; open channels stay. */
  close(): void;
}

/**
 * Waits for the other ends. @param onRefused gets the address of a peer whose token is another, or that speaks no TLS.
 * @throws BenchError PORT_IN_USE
 */
export function listen<In, Out>(
  { host, port }: Address,
  token: Buffer,
  onChannel: (channel: Channel<In, Out>) => void,
  onRefused: (peer: string) => void,
): Promise<ChannelServer> {
  const pskCallback = (_socket: TLSSocket, identity: string) => (identity === IDENTITY ? token : null);
  const server = createServer({ ...TLS, pskCallback, handshakeTimeout: HANDSHAKE_MS }, (socket) =>
    onChannel(openChannel<In, Out>(socket)),
  );
  server.on('tlsClientError', (_error, socket) => onRefused(peerOf(socket)));
  return new Promise((resolve, reject) => {
    server.once('error', (cause) =>
      reject(
        new BenchError({
          code: 'PORT_IN_USE',
          expected: `to listen for workers at ${host}:${port}`,
          got: messageOf(cause),
          remedy: 'Name another address by --listen.',
          cause,
        }),
      ),
    );
    server.listen({ host, port }, () => {
      const at = server.address();
      resolve({
        port: typeof at === 'object' && at !== null ? at.port : port,
        close: () => void server.close(),
      });
    });
  });
}

/** @throws BenchError SERVICE_UNREACHABLE when nothing listens there, SERVICE_REFUSED when its token is another. */
export function dial<In, Out>({ host, port }: Address, token: Buffer): Promise<Channel<In, Out>> {
  return new Promise((resolve, reject) => {
    let isConnected = false;
    const socket = connect({
      ...TLS,
      host,
      port,
      pskCallback: () => ({ psk: token, identity: IDENTITY }),
      // The token proves the other end.
      checkServerIdentity: () => undefined,
    });
    const failed = (cause: unknown) => {
      clearTimeout(timer);
      socket.destroy();
      reject(notDialled(`${host}:${port}`, isConnected, cause));
    };
    const timer = setTimeout(() => failed(new Error(`no reply in ${HANDSHAKE_MS / 1000} s`)), HANDSHAKE_MS);
    const onClose = () => failed(new Error('the end of the connection'));
    socket.once('connect', () => {
      isConnected = true;
    });
    socket.once('error', failed).once('close', onClose);
    socket.once('secureConnect', () => {
      clearTimeout(timer);
      socket.off('error', failed).off('close', onClose);
      resolve(openChannel<In, Out>(socket));
    });
  });
}

function notDialled(where: string, isConnected: boolean, cause: unknown): BenchError {
  return isConnected
    ? new BenchError({
        code: 'SERVICE_REFUSED',
        expected: `pnpm bench collect with the same token at ${where}`,
        got: messageOf(cause),
        remedy: 'Copy its file of --token-file to this machine.',
        cause,
      })
    : new BenchError({
        code: 'SERVICE_UNREACHABLE',
        expected: `pnpm bench collect at ${where}`,
        got: messageOf(cause),
        remedy: 'Start it, or correct --collect.',
        cause,
      });
}

function openChannel<In, Out>(socket: TLSSocket): Channel<In, Out> {
  let rest = '';
  let isOver = false;
  const lose = (why: string) => {
    if (isOver) return;
    isOver = true;
    socket.destroy();
    channel.onLost(why);
  };
  const channel: Channel<In, Out> = {
    peer: peerOf(socket),
    send(message) {
      if (!isOver) socket.write(`${JSON.stringify(message)}\n`);
    },
    onMessage: () => undefined,
    onLost: () => undefined,
    close() {
      if (isOver) return;
      isOver = true;
      socket.end();
      setTimeout(() => socket.destroy(), CLOSE_MS).unref();
    },
  };
  socket.setNoDelay(true);
  socket.setEncoding('utf8');
  socket.on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > MAX_LINE) return lose('a line without end');
    for (const line of lines) {
      if (isOver) return;
      const message = parsed<In>(line);
      if (message === undefined) return lose('a line that is not a message');
      channel.onMessage(message);
    }
  });
  // The end of the connection follows.
  socket.on('error', (error) => lose(messageOf(error)));
  socket.on('close', () => lose('the end of the connection'));
  socket.on('end', () => lose('the end of the connection'));
  return channel;
}

function parsed<T>(line: string): T | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? (value as T) : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

const peerOf = (socket: Socket): string =>
  socket.remoteAddress?.replace(/^::ffff:/, '') ?? 'an unknown address';
