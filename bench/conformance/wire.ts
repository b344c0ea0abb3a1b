import { Agent } from 'node:http';
import { Agent as TlsAgent } from 'node:https';
import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { BenchError, messageOf, redactUrl } from '../errors.ts';

/** How the connections to an external site are made. */
export interface Wire {
  /** Certificates in PEM that are trusted instead of the usual ones. */
  ca?: string | undefined;
  /** No certificate is checked. */
  isInsecure?: boolean;
  /** Where requests for this origin really go. */
  connectTo?: { from: string; host: string; port: number } | undefined;
  /** The name of the site, with its port where it has one, if it is not that of the URL. */
  host?: string | undefined;
  /** Sent with every request. */
  headers?: Readonly<Record<string, string>> | undefined;
}

/** The address of a connection: that of the URL, unless another one is asked for. */
export function addressOf(url: URL, { connectTo }: Wire): { host: string; port: number } {
  if (connectTo !== undefined && connectTo.from === url.origin) return connectTo;
  const port = Number(url.port) || (url.protocol === 'https:' ? 443 : 80);
  // In a URL an IPv6 address is in brackets, elsewhere it is not.
  return { host: url.hostname.replace(/^\[|\]$/g, ''), port };
}

/** The pool of connections for URLs of one protocol. */
export function openAgent(protocol: string, wire: Wire, maxSockets: number): Agent {
  const options = { keepAlive: true, maxSockets };
  return protocol === 'https:' ? new TlsAgent({ ...options, ...trustOf(wire) }) : new Agent(options);
}

/** A connection for bytes that are written out; `onOpen` is called once they can be. */
export function openSocket(url: URL, wire: Wire, onOpen: () => void): Socket {
  const address = addressOf(url, wire);
  if (url.protocol !== 'https:') return connect(address).once('connect', onOpen);
  const { hostname } = new URL(`https://${wire.host ?? url.host}`);
  // A name is named to the server (RFC 6066 §3), an address is not.
  const servername = isIP(hostname.replace(/^\[|\]$/g, '')) === 0 ? { servername: hostname } : {};
  const socket = connectTls({ ...address, ...servername, ...trustOf(wire), ALPNProtocols: ['http/1.1'] });
  return socket.once('secureConnect', onOpen);
}

const trustOf = ({ ca, isInsecure = false }: Wire) => ({
  ...(ca === undefined ? {} : { ca }),
  rejectUnauthorized: !isInsecure,
});

/** The error of a site that cannot be spoken to, with what would help. */
export function unreachable(target: string, cause: unknown): BenchError {
  const { code = '' } = cause as { code?: string };
  return new BenchError({
    code: 'SERVICE_UNREACHABLE',
    expected: `a site at ${redactUrl(target)}`,
    got: messageOf(cause),
    remedy: REMEDIES.find(([pattern]) => pattern.test(code))?.[1] ?? 'Start it, or correct its address.',
    cause,
  });
}

const REMEDIES: readonly (readonly [RegExp, string])[] = [
  [
    /SELF_SIGNED|UNABLE_TO_(VERIFY|GET_ISSUER)|CERT_UNTRUSTED/,
    'Name the file of its authority by --ca, or do not check its certificate: --insecure.',
  ],
  [
    /ALTNAME/,
    'Name the site in --target as its certificate does, and its address by --connect-to HOST:PORT.',
  ],
  [/CERT_HAS_EXPIRED|CERT_NOT_YET/, 'Renew its certificate, or do not check it: --insecure.'],
  [/EPROTO|WRONG_VERSION/, 'If it speaks plain HTTP there, write http:// in --target.'],
];
