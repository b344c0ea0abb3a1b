/** Plain HTTP beside a site that is served over TLS: where it is, and whether anything replies there. */

import type { Contract } from '../config/contract.ts';
import type { Wire } from '../config/wire.ts';
import { messageOf, redactUrl } from '../errors.ts';
import { addressOf } from '../load/wire.ts';
import type { Browser } from './browser.ts';

/** Browsers at the site's port for plain HTTP, or why there are none. */
export type PlainSide = { url: string; browser(): Browser } | { absent: string };

/** The address of plain HTTP, with the name that its requests carry. */
export interface PlainAddress {
  url: string;
  host: string;
  wire: Wire;
}

const DEFAULT_PORTS = { 'https:': 443, 'http:': 80 } as const;

/**
 * Where the plain HTTP of a site is: where its contract says, else at port 80 of a site at port 443. Of a site at
 * another port nothing is assumed: whatever is at port 80 may be another site.
 */
export function plainAddress(target: string, contract: Contract): PlainAddress | { absent: string } {
  const { plainHttp, host, wire = {} } = contract;
  const site = new URL(target);
  if (site.protocol !== 'https:') return { absent: 'the site is served over plain HTTP' };
  if (plainHttp === false) return { absent: 'the contract says that the site has no plain HTTP' };
  const path = site.pathname.replace(/\/$/, '');
  const name = new URL(`https://${host ?? site.host}`).hostname;
  if (plainHttp !== undefined) {
    const { origin, port } = new URL(plainHttp);
    return { url: `${origin}${path}`, host: port === '' ? name : `${name}:${port}`, wire };
  }
  const address = addressOf(site, wire);
  if (address.port !== DEFAULT_PORTS['https:'])
    return { absent: `the contract names no plainHttp, and the site is at port ${address.port}, not 443` };
  const origin = `http://${site.hostname}`;
  // The site may be at another address than that of its name.
  const connectTo = { from: origin, host: address.host, port: DEFAULT_PORTS['http:'] };
  return { url: `${origin}${path}`, host: name, wire: { ...wire, connectTo } };
}

/**
 * Asks once whether anything there speaks HTTP.
 * @param open browsers at that address. Rejects when the check is over.
 */
export async function findPlainSide(
  found: ReturnType<typeof plainAddress>,
  open: (address: PlainAddress) => () => Browser,
): Promise<PlainSide> {
  if ('absent' in found) return found;
  const address = redactUrl(found.url);
  const browser = open(found);
  try {
    await browser().send('GET', '/');
  } catch (error) {
    // Nothing listens there, a firewall swallows it, or it speaks something else: all mean that a browser gets nothing.
    const { code } = error as { code?: string };
    if (code === undefined && !/^no reply to /.test(messageOf(error))) throw error;
    return { absent: `nothing replies over plain HTTP at ${address}: ${code ?? messageOf(error)}` };
  }
  return { url: address, browser };
}
