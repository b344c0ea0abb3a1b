/** TLS at our own edge: what it speaks, its certificates, and the proof that it speaks that. */

import { Agent, get } from 'node:https';
import type { TLSSocket } from 'node:tls';
import { BenchError, messageOf } from '../errors.ts';
import { type Certificates, createCertificates } from './certificates.ts';
import type { Guard } from './processes/guard.ts';
import type { Resources } from './processes/resources.ts';

/**
 * The words of the column `edge_tls`: protocol, cipher suite, key exchange, key of the certificate. Fixed, so that all
 * rows of `--tls` are of one configuration: an edge that negotiates anything else does not start.
 */
export const EDGE_TLS = 'TLSv1.3 TLS_AES_256_GCM_SHA384 X25519 P-256';
const ALPN = 'http/1.1';
const REPLY_WITHIN_MS = 5_000;

/** Certificates of a run, in a directory of their own that is removed with `resources`. @throws BenchError */
export async function openEdge(guard: Guard, resources: Resources): Promise<Certificates> {
  const directory = guard.createDirectory('tls');
  resources.add('certificates', directory.remove);
  return createCertificates(directory.path);
}

/**
 * Asks a server behind the edge for its health over TLS, with the run's authority as the only one.
 * @throws BenchError BALANCER_FAILED unless the certificate is valid, {@link EDGE_TLS} is spoken, and the reply is 200.
 */
export async function checkEdge(name: string, port: number, ca: string): Promise<void> {
  const expected = `${name} to speak ${EDGE_TLS} with ALPN ${ALPN}, and a server behind it to reply 200`;
  const remedy = 'Try another --balancer, or leave --tls out.';
  let got: string;
  let cause: unknown;
  try {
    got = await negotiated(port, ca);
  } catch (error) {
    got = messageOf(error);
    cause = error;
  }
  if (got === `${EDGE_TLS} ${ALPN} 200`) return;
  throw new BenchError({ code: 'BALANCER_FAILED', expected, got, remedy, cause });
}

/** What a new connection negotiates, and the status of the reply, as one text. Rejects when it cannot be opened. */
export function negotiated(port: number, ca: string): Promise<string> {
  return new Promise((resolve, reject) => {
    // A connection of its own, which is closed after it.
    const agent = new Agent({ ca, ALPNProtocols: [ALPN], keepAlive: false, maxCachedSessions: 0 });
    const request = get({ host: '127.0.0.1', port, path: '/healthz', agent }, (reply) => {
      const socket = reply.socket as TLSSocket;
      const words = [...wordsOf(socket), socket.alpnProtocol, reply.statusCode];
      reply.resume();
      resolve(words.join(' '));
    });
    request.setTimeout(REPLY_WITHIN_MS, () =>
      request.destroy(new Error(`no reply in ${REPLY_WITHIN_MS} ms`)),
    );
    request.on('error', reject);
  });
}

function wordsOf(socket: TLSSocket): string[] {
  const exchange = socket.getEphemeralKeyInfo();
  const curve = socket.getPeerX509Certificate()?.publicKey.asymmetricKeyDetails?.namedCurve ?? 'another key';
  return [
    socket.getProtocol() ?? 'no protocol',
    socket.getCipher().standardName,
    (exchange !== null && 'name' in exchange ? exchange.name : undefined) ?? 'another key exchange',
    curve === 'prime256v1' ? 'P-256' : curve,
  ];
}
