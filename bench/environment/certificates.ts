/** The certificates of a TLS edge, made for one run by openssl: Node reads certificates but cannot create them. */

import { execFile } from 'node:child_process';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findProgram } from '../../servers/balancers/program.ts';
import { BenchError } from '../errors.ts';

const run = promisify(execFile);

const TIMEOUT_MS = 10_000;
const VALID_DAYS = '30';
const OWNER_ONLY = { mode: 0o600 };

/** What a generator needs to trust an edge, and the edge to prove itself. */
export interface Certificates {
  /** The authority of the run, PEM. */
  ca: string;
  /** Path of a PEM file: the certificate of the edge and its key. */
  certificate: string;
}

/** Path of openssl, which {@link createCertificates} needs; `undefined` when it is not installed. */
export const findOpenssl = (): string | undefined => findProgram('openssl');

/** Complete, so that nothing depends on the configuration of OpenSSL on this machine. */
const CONFIGURATION = `[req]
distinguished_name = authority
prompt = no
[authority]
CN = session-bench, authority of one run
[ca]
basicConstraints = critical, CA:TRUE, pathlen:0
keyUsage = critical, keyCertSign
subjectKeyIdentifier = hash
[edge]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = IP:127.0.0.1, IP:::1, DNS:localhost
authorityKeyIdentifier = keyid
`;

/**
 * Makes an authority and a certificate of it for the loopback, both with keys on P-256 and valid for 30 days. All files
 * are the owner's alone (0600), and the authority's key is gone when it returns.
 * @param directory private; the caller removes it.
 * @throws BenchError BALANCER_MISSING without openssl, BALANCER_FAILED when it fails.
 */
export async function createCertificates(directory: string): Promise<Certificates> {
  const openssl = findOpenssl();
  if (openssl === undefined) {
    throw new BenchError({
      code: 'BALANCER_MISSING',
      expected: 'openssl on this machine, which makes the certificates for --tls',
      got: 'no such program',
      remedy: 'Run sh scripts/setup.sh, or leave --tls out.',
    });
  }
  const file = (name: string) => join(directory, name);
  const [ca, caKey, request, leaf, key, settings, certificate] = [
    ...['ca.pem', 'ca.key', 'edge.csr', 'edge.crt', 'edge.key', 'openssl.cnf', 'edge.pem'].map(file),
  ] as [string, string, string, string, string, string, string];
  writeFileSync(settings, CONFIGURATION, OWNER_ONLY);
  for (const path of [caKey, key]) writeFileSync(path, newKey(), OWNER_ONLY);
  // openssl keeps the mode of a file that is there.
  for (const path of [ca, request, leaf]) writeFileSync(path, '', OWNER_ONLY);
  const sign = ['-sha256', '-days', VALID_DAYS];
  const call = (...args: string[]) => callOpenssl(openssl, directory, args);
  await call(
    ...['req', '-new', '-x509', '-key', caKey, '-out', ca, '-config', settings, '-extensions', 'ca', ...sign],
  );
  await call('req', '-new', '-key', key, '-out', request, '-config', settings, '-subj', '/CN=localhost');
  await call(
    ...['x509', '-req', '-in', request, '-CA', ca, '-CAkey', caKey, '-set_serial', serial(), '-out', leaf],
    ...['-extfile', settings, '-extensions', 'edge', ...sign],
  );
  writeFileSync(certificate, readFileSync(leaf, 'utf8') + readFileSync(key, 'utf8'), OWNER_ONLY);
  for (const path of [caKey, request, leaf, key, settings]) rmSync(path);
  return { ca: readFileSync(ca, 'utf8'), certificate };
}

function newKey(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
}

/** Positive, and at most 20 bytes (RFC 5280 §4.1.2.2). */
const serial = () => `0x1${randomBytes(15).toString('hex')}`;

async function callOpenssl(openssl: string, directory: string, args: readonly string[]): Promise<void> {
  try {
    // Its own configuration may be broken, or load modules.
    await run(openssl, args, { cwd: directory, timeout: TIMEOUT_MS, env: { OPENSSL_CONF: '/dev/null' } });
  } catch (cause) {
    const { stderr = '', message } = cause as { stderr?: string; message: string };
    throw new BenchError({
      code: 'BALANCER_FAILED',
      expected: `openssl ${args[0]} to make a certificate for --tls`,
      got: (stderr || message).trim().slice(0, 300),
      remedy: 'See openssl version: 1.1.1 or newer is needed. Or leave --tls out.',
      cause,
    });
  }
}
