/** Checks 39 and 40: what is too large is refused clearly and without harm. */

import { COOKIE_BYTES } from '../../config/contract.ts';
import { assume, currentUser, describeReply, expectStatus, fieldOf, logInAtHome } from '../acts.ts';
import type { Browser, Reply } from '../browser.ts';
import {
  type Check,
  doesNotApply,
  judgeFaults,
  mustHold,
  notApplicable,
  type Observation,
  ofCookie,
} from '../check.ts';
import { jarOf, linesFor } from '../credential.ts';
import { besideBystander, forEachConcurrently, placesOf, sendRaw } from '../offers.ts';
import type { Scene } from '../scene.ts';

/** Bytes of the longest `name=value` that a reply sets; 0 when it sets none. */
function longestCookie(reply: Reply): number {
  return Math.max(0, ...reply.setCookies.map((line) => Buffer.byteLength(line.split(';')[0] ?? '')));
}

/** One login with growing data, and what was observed. */
interface Growth {
  scene: Scene;
  browser: Browser;
  /** The data after the last accepted update. */
  data: string | undefined;
  tries: number;
  refused: number;
  longestBytes: number;
  faults: Set<string>;
}

/** Updates the data, and checks that a refusal left the session unchanged. @returns whether it was accepted. */
async function grow(growth: Growth, data: string): Promise<boolean> {
  const { scene, browser, faults } = growth;
  const reply = await browser.perform('update', { data });
  const bytes = longestCookie(reply);
  growth.tries += 1;
  growth.longestBytes = Math.max(growth.longestBytes, bytes);
  if (bytes > COOKIE_BYTES) faults.add(`a cookie of ${bytes} bytes was set`);
  const accepted = reply.status === 200;
  if (accepted) growth.data = data;
  else growth.refused += 1;
  if (!accepted && reply.status !== 413) faults.add(`${describeReply(reply)} where 200 or 413 was expected`);
  const read = await browser.perform('read');
  if (read.status !== 200) faults.add(`${describeReply(read)} to the read after an update`);
  const field = scene.contract.fields.data;
  if (field !== undefined && growth.data !== undefined && fieldOf(read, field) !== growth.data)
    faults.add('the data were not those of the last update that was accepted');
  return accepted;
}

async function growthOf(scene: Scene): Promise<Growth> {
  const { browser, reply } = await logInAtHome(scene);
  const longestBytes = longestCookie(reply);
  return { scene, browser, data: undefined, tries: 0, refused: 0, longestBytes, faults: new Set() };
}

/** More than any cookie can hold, whatever the other claims. */
const TOO_MUCH = 2 * COOKIE_BYTES;
/** Characters that take one byte, two, four, and six once JSON has escaped them. */
const FILLERS = ['x', 'é', '😀', '\u0001', '"'];
const LARGE_BYTES = 65_536;

async function observeFixedSize(scene: Scene, growth: Growth): Promise<Observation> {
  const accepted = await grow(growth, 'x'.repeat(LARGE_BYTES));
  const { browser, longestBytes, faults } = growth;
  const cookie = `${scene.contract.cookie}=${browser.token() ?? ''}`.length;
  const evidence =
    `${LARGE_BYTES} bytes of data ${accepted ? 'accepted' : 'refused'}, the cookie has ${cookie} bytes, ` +
    `the longest that was set ${longestBytes}`;
  return faults.size === 0 ? notApplicable(evidence) : judgeFaults(faults, evidence);
}

/** Statuses for a head that is too large (RFC 9110 §15.5, RFC 6585 §5). */
const TOO_LARGE = [400, 413, 414, 431];
/**
 * Each oversized head is sent several times: a server that closes with unread bytes may lose its own reply to a reset
 * (RFC 9112 §9.6), so that not every refusal arrives, but some must.
 */
const ROUNDS = 3;

function oversizedHeads(scene: Scene): { name: string; text: string }[] {
  const path = scene.contract.operations.read.path;
  const head = (lines: string, query = '') =>
    `GET ${path}${query} HTTP/1.1\r\nHost: site\r\n${lines}Connection: close\r\n\r\n`;
  const many = (count: number) => Array.from({ length: count }, (_, n) => `X-${n}: ${n}\r\n`).join('');
  return [
    { name: 'a header of 20 KB', text: head(`X-Large: ${'a'.repeat(20_000)}\r\n`) },
    { name: 'a header of 70 KB', text: head(`X-Large: ${'a'.repeat(70_000)}\r\n`) },
    { name: 'a header name of 20 KB', text: head(`${'X'.repeat(20_000)}: a\r\n`) },
    {
      name: 'a session token of 20 KB',
      text: head(linesFor(jarOf(scene.contract, 'a'.repeat(20_000)), scene.contract)),
    },
    { name: '3,000 headers', text: head(many(3_000)) },
    { name: '20,000 headers', text: head(many(20_000)) },
    { name: 'a request line of 70 KB', text: head('', `?q=${'a'.repeat(70_000)}`) },
  ];
}

export const SIZE_CHECKS: readonly Check[] = [
  ofCookie({
    id: '39',
    title: 'A cookie over 4,096 bytes is refused loudly, and the old session stays',
    source: 'RFC 6265 §6.1',
    expect: ({ traits }) =>
      traits.dataInToken
        ? mustHold
        : doesNotApply('The id has a fixed length: no data can make the cookie too long.'),
    observe: besideBystander(async (scene) => {
      const growth = await growthOf(scene);
      if (!scene.subject.traits.dataInToken) return observeFixedSize(scene, growth);
      assume(await grow(growth, 'x'), 'expected an update with a single letter to be accepted');
      let most = 1;
      let tooMuch = TOO_MUCH;
      if (await grow(growth, 'x'.repeat(tooMuch)))
        growth.faults.add(`${tooMuch} bytes of data were accepted`);
      while (tooMuch - most > 1) {
        const middle = Math.floor((most + tooMuch) / 2);
        if (await grow(growth, 'x'.repeat(middle))) most = middle;
        else tooMuch = middle;
      }
      for (const filler of FILLERS) {
        for (const bytes of [most / 8, most / 4, most / 2, most, 2 * most, LARGE_BYTES / 2])
          await grow(growth, filler.repeat(Math.floor(bytes / Buffer.byteLength(filler))));
      }
      const { tries, refused, longestBytes, faults } = growth;
      const evidence =
        `${most} letters of data are taken and ${tooMuch} refused; ${refused} of ${tries} updates refused, ` +
        `the longest cookie ${longestBytes} bytes`;
      return judgeFaults(faults, evidence);
    }),
  }),
  {
    id: '40',
    title: 'Oversized headers get a clean 4xx',
    source: 'RFC 6585 §5',
    expect: () => mustHold,
    observe: besideBystander(async (scene) => {
      const faults = new Set<string>();
      const counts = { refused: 0, closed: 0 };
      const heads = oversizedHeads(scene);
      const places = placesOf(scene).flatMap((server) => heads.map((head) => ({ ...head, server })));
      await forEachConcurrently(places, async ({ name, text, server }) => {
        const place = server === undefined ? 'the balancer' : `server ${server + 1}`;
        let heard = 0;
        for (let round = 0; round < ROUNDS; round += 1) {
          const [status] = await sendRaw(scene, server, text);
          if (status === undefined) counts.closed += 1;
          else heard += 1;
          if (status !== undefined && TOO_LARGE.includes(status)) counts.refused += 1;
          else if (status !== undefined) faults.add(`${name} got ${status} from ${place}`);
        }
        if (heard === 0) faults.add(`${name} never got a reply from ${place}`);
      });
      const fresh = await logInAtHome(scene);
      expectStatus(await fresh.browser.perform('read'), 200, 'the next request');
      if ((await currentUser(scene, scene.browser())) !== undefined)
        faults.add('a request without a session got one');
      const evidence =
        `${counts.refused} heads of ${heads.length} kinds refused with 400, 413, 414 or 431, ` +
        `${counts.closed} connections closed before a reply came through; the next requests were served`;
      return judgeFaults(faults, evidence);
    }),
  },
];
