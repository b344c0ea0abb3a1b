import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { z } from 'zod';
import { conflict, quoted, type RawOptions, usage } from '../config/values.ts';
import { messageOf } from '../errors.ts';
import { type Contract, contractSchema } from './contract.ts';
import type { Wire } from './wire.ts';

/** An external site, from the command line and the file of its contract. */
export interface External {
  target: string;
  contract: Contract;
}

/** Flags that configure how our sites are started; they conflict with an external one. */
const OWN_FLAGS = ['store', 'servers', 'balancer', 'affinity', 'durability', 'services'] as const;

/** `undefined` without a target. @throws BenchError USAGE or CONFLICT, for the first wrong value. */
export function externalOf(raw: RawOptions): External | undefined {
  const { target, contract } = raw;
  if (target === undefined && contract === undefined) {
    const alone = (['ca', 'insecure', 'connectTo'] as const).find((flag) => raw[flag] !== undefined);
    if (alone === undefined) return undefined;
    const flag = alone === 'connectTo' ? 'connect-to' : alone;
    throw conflict(
      `--target with --${flag}`,
      `--${flag} alone`,
      `Add --target and --contract, or leave --${flag} out.`,
    );
  }
  if (target === undefined || contract === undefined) {
    const [given, missing] = target === undefined ? ['contract', 'target'] : ['target', 'contract'];
    const remedy = `Add --${missing}; docs/conformance.md has an example of a contract.`;
    throw conflict('--target URL and --contract FILE together', `--${given} alone`, remedy);
  }
  const own = OWN_FLAGS.find((flag) => raw[flag] !== undefined);
  if (own !== undefined) {
    const remedy = `Leave --${own} out: the contract describes the target.`;
    throw conflict('no flag of our sites together with --target', `--${own}`, remedy);
  }
  const url = httpUrl(String(target), 'target');
  return { target: url, contract: { ...readContract(String(contract)), wire: wireOf(raw, new URL(url)) } };
}

/** The page of which a first contract is asked for; `undefined` when none is. @throws BenchError USAGE or CONFLICT. */
export function pageOf(raw: RawOptions): { page: URL; wire: Wire } | undefined {
  const { initContract, ...others } = raw;
  if (initContract === undefined) return undefined;
  const other = Object.keys(others).find((flag) => !['ca', 'insecure', 'connectTo', 'color'].includes(flag));
  if (other !== undefined) {
    const remedy = 'Leave one of them out.';
    throw conflict('--init-contract without flags of checks', `--init-contract and --${other}`, remedy);
  }
  const page = new URL(httpUrl(String(initContract), 'init-contract'));
  return { page, wire: wireOf(raw, page) };
}

/** @throws BenchError USAGE; what cannot be read is not shown, for it may hold a password. */
function httpUrl(text: string, flag: string): string {
  if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return text;
  const got = URL.canParse(text) ? quoted(text) : 'text that is not a URL';
  const expected = `a URL that begins with http:// or https:// for --${flag}`;
  throw usage(expected, got, 'Write for example http://127.0.0.1:8080.');
}

/** @throws BenchError CONFLICT for a flag of TLS without it; USAGE for a file that holds no certificate. */
function wireOf(raw: RawOptions, target: URL): Wire {
  const tls = (['ca', 'insecure'] as const).find((flag) => raw[flag] !== undefined);
  if (tls !== undefined && target.protocol !== 'https:') {
    throw conflict(`--target https://… with --${tls}`, 'plain http', `Leave --${tls} out.`);
  }
  if (raw['ca'] !== undefined && raw['insecure'] === true) {
    throw conflict('--ca or --insecure', 'both', 'Leave one of them out.');
  }
  return {
    ca: raw['ca'] === undefined ? undefined : readAuthorities(String(raw['ca'])),
    isInsecure: raw['insecure'] === true,
    connectTo: raw['connectTo'] === undefined ? undefined : addressOf(String(raw['connectTo']), target),
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

function addressOf(text: string, { origin: from }: URL): NonNullable<Wire['connectTo']> {
  const [, host = '', port = ''] = /^(\[[\da-fA-F:.]+\]|[\w.-]+):(\d{1,5})$/.exec(text) ?? [];
  if (host !== '' && Number(port) > 0 && Number(port) < 65_536)
    return { from, host: host.replace(/^\[|\]$/g, ''), port: Number(port) };
  throw usage('HOST:PORT for --connect-to', quoted(text), 'Write for example 127.0.0.1:8443.');
}

/** @throws BenchError USAGE for the first field that is wrong. */
function readContract(path: string): Contract {
  let given: unknown;
  try {
    given = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw usage(`a contract as JSON in ${quoted(path)}`, messageOf(error), 'Correct --contract.');
  }
  const parsed = contractSchema.safeParse(given);
  if (parsed.success) {
    const { survivesStoreCrash, ...traits } = parsed.data.traits;
    return { ...parsed.data, traits: { ...traits, survivesStoreCrash } };
  }
  const [issue] = parsed.error.issues as z.core.$ZodIssue[];
  const where = issue?.path.join('.') || 'the whole';
  throw usage(
    `a contract in ${quoted(path)} whose fields are those of docs/conformance.md`,
    `${where}: ${issue?.message ?? 'something else'}`,
    'Correct the file.',
  );
}
