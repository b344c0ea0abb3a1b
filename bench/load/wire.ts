import { Agent } from 'node:http';
import { Agent as TlsAgent } from 'node:https';
import { connect, isIP, type Socket, type TcpNetConnectOpts } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import type { Wire } from '../config/wire.ts';

/** In a URL an IPv6 address is in brackets, elsewhere it is not. */
export const bareHost = ({ hostname }: Pick<URL, 'hostname'>): string => hostname.replace(/^\[|\]$/g, '');

/** The address of a connection: that of the URL, unless another one is asked for. */
export function addressOf(url: URL, { connectTo }: Wire): { host: string; port: number } {
  if (connectTo !== undefined && connectTo.from === url.origin) return connectTo;
  const port = Number(url.port) || (url.protocol === 'https:' ? 443 : 80);
  return { host: bareHost(url), port };
}

/**
 * Less than what servers keep an idle connection for: 5 s by Node, 60 s by our balancers. A request that is sent as the
 * server closes is lost, and a check that sends dozens at once after a minute would meet that.
 */
const IDLE_MS = 4_000;

/** The pool of connections for URLs of one protocol. Those that are idle for {@link IDLE_MS} are closed. */
export function openAgent(protocol: string, wire: Wire, maxSockets: number): Agent {
  const options = { keepAlive: true, maxSockets, timeout: IDLE_MS };
  return protocol === 'https:' ? new TlsAgent({ ...options, ...trustOf(wire) }) : new Agent(options);
}

/**
 * A connection for bytes that are written out, by TLS where the URL says so. It can be written to after `openEvent`.
 * @param options of the connection, in addition.
 */
export function openSocket(url: URL, wire: Wire, options: Omit<TcpNetConnectOpts, 'port'> = {}): Socket {
  const to = { ...options, ...addressOf(url, wire) };
  return isTls(url) ? connectTls({ ...to, ...tlsOf(url, wire) }) : connect(to);
}

export const openEvent = (url: URL) => (isTls(url) ? 'secureConnect' : 'connect');

const isTls = ({ protocol }: URL) => protocol === 'https:';

function tlsOf(url: URL, wire: Wire): ConnectionOptions {
  const { hostname } = new URL(`https://${wire.host ?? url.host}`);
  // A name is named to the server (RFC 6066 §3), an address is not.
  const isAddress = isIP(bareHost({ hostname })) !== 0;
  return {
    ...trustOf(wire),
    ...(isAddress ? {} : { servername: hostname }),
    ALPNProtocols: ['http/1.1'],
  };
}

const trustOf = ({ ca, isInsecure = false }: Wire) => ({
  ...(ca === undefined ? {} : { ca }),
  rejectUnauthorized: !isInsecure,
});
