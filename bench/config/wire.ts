import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { domainToASCII } from 'node:url';
import { messageOf } from '../errors.ts';
import { conflict, quoted, type RawOptions, usage } from './values.ts';

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

/** The text of a URL, checked. @throws BenchError USAGE; what cannot be read is not shown, for it may hold a password. */
export function httpUrl(text: string, flag: string): string {
  if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return text;
  const got = URL.canParse(text) ? quoted(text) : 'text that is not a URL';
  const expected = `a URL that begins with http:// or https:// for --${flag}`;
  throw usage(expected, got, 'Write for example http://127.0.0.1:8080.');
}

/**
 * How `--ca`, `--insecure` and `--connect-to` say that a site is reached.
 * @param named how the site's URL is given.
 * @throws BenchError CONFLICT for a flag of TLS without it; USAGE for a file that holds no certificate.
 */
export function wireOf(raw: RawOptions, target: URL, named = '--target'): Wire {
  const tls = (['ca', 'insecure'] as const).find((flag) => raw[flag] !== undefined);
  if (tls !== undefined && target.protocol !== 'https:') {
    throw conflict(`${named} https://… with --${tls}`, 'plain http', `Leave --${tls} out.`);
  }
  if (raw['ca'] !== undefined && raw['insecure'] === true) {
    throw conflict('--ca or --insecure', 'both', 'Leave one of them out.');
  }
  return {
    ca: raw['ca'] === undefined ? undefined : readAuthorities(String(raw['ca'])),
    isInsecure: raw['insecure'] === true,
    connectTo: raw['connectTo'] === undefined ? undefined : elsewhere(String(raw['connectTo']), target),
  };
}

function readAuthorities(path: string): string {
  const remedy = 'Correct --ca.';
  let pem: string;
  try {
    pem = readFileSync(path, 'utf8');
  } catch (error) {
    throw usage(`certificates in ${quoted(path)}`, messageOf(error), remedy);
  }
  const certificates = pem.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? [];
  const expected = `certificates as PEM in ${quoted(path)}`;
  if (certificates.length === 0) throw usage(expected, 'none', remedy);
  try {
    for (const one of certificates) new X509Certificate(one);
  } catch (error) {
    throw usage(expected, messageOf(error), remedy);
  }
  return pem;
}

function elsewhere(text: string, { origin: from }: URL): NonNullable<Wire['connectTo']> {
  const [, name = '', port = ''] = /^(\[[\da-fA-F:.]+\]|[^\s/?#@:[\]\\%]+):(\d{1,5})$/.exec(text) ?? [];
  // As in a URL: a name outside ASCII becomes its form in DNS.
  const host = name.startsWith('[') ? name : /^[\w.-]*$/.test(domainToASCII(name)) ? domainToASCII(name) : '';
  if (host !== '' && Number(port) > 0 && Number(port) < 65_536)
    return { from, host: host.replace(/^\[|\]$/g, ''), port: Number(port) };
  throw usage('HOST:PORT for --connect-to', quoted(text), 'Write for example 127.0.0.1:8443.');
}
