/** Check 46: ids that are made to break something, wherever an id is accepted. */

import type { OperationName } from '../../config/contract.ts';
import { currentUser, describeReply, fieldOf, logInAtHome } from '../acts.ts';
import type { Browser, Reply } from '../browser.ts';
import { type Check, judgeFaults, mustHold } from '../check.ts';
import { jarOf, linesFor } from '../credential.ts';
import type { Forgery } from '../forge.ts';
import { HUGE, hostileValues, PROTOTYPE_NAMES } from '../hostile.ts';
import { besideBystander, offer, placesOf, sendRaw } from '../offers.ts';
import type { Scene } from '../scene.ts';
import { adminOf } from './logins.ts';

/** What was sent besides cookies, and what went wrong. */
interface Tally {
  sent: number;
  faults: Set<string>;
}

/** 501 means that a backend does not support this at all, whatever the id. */
const isFailure = (status: number) => status >= 500 && status !== 501;

function note({ faults }: Tally, { how }: Forgery, place: string, reply: Reply): void {
  if (isFailure(reply.status)) faults.add(`${describeReply(reply)} to ${how} as ${place}`);
}

/** Longest path for node:http and the balancers; longer ones are sent as raw bytes. */
const PATH_CHARACTERS = 4_000;

/** The value in the path of an operation, both percent-encoded and raw. */
async function inPath(
  scene: Scene,
  browser: Browser,
  operation: OperationName,
  values: readonly Forgery[],
  tally: Tally,
): Promise<void> {
  const { method, path = '' } = scene.contract.operations[operation] ?? {};
  const body = operation === 'disable' ? { body: { disabled: false } } : {};
  if (method === undefined || !/\{\w+\}/.test(path)) return;
  for (const value of values) {
    const encoded = encodeURIComponent(value.token);
    const isPathText = /^[\x21-\x7e]*$/.test(value.token) && !/[?#]/.test(value.token);
    for (const text of isPathText && value.token !== encoded ? [encoded, value.token] : [encoded]) {
      if (text.length > PATH_CHARACTERS) continue;
      tally.sent += 1;
      note(tally, value, `the id of ${operation}`, await browser.send(method, filled(path, text), body));
    }
  }
}

/** Uses a function, for `$&` in a replacement text would be interpreted. */
const filled = (path: string, text: string) => path.replace(/\{\w+\}/, () => text);

/** The value as the user of a login with a wrong password: an injection would bypass the check. */
async function asUser(scene: Scene, values: readonly Forgery[], tally: Tally): Promise<void> {
  const { browser } = await logInAtHome(scene);
  for (const value of values) {
    browser.cookies.clear();
    tally.sent += 1;
    const reply = await browser.perform('login', { user: value.token, password: 'wrong' });
    note(tally, value, 'the user of a login', reply);
    if (await isIn(scene, browser, reply))
      tally.faults.add(`${value.how} as the user logged in with a wrong password`);
  }
}

/** Ours give a cookie to nobody whom they refuse. An external site may give one to every stranger. */
async function isIn(scene: Scene, browser: Browser, reply: Reply): Promise<boolean> {
  if (scene.own !== undefined) return reply.status < 400 || browser.token() !== undefined;
  return browser.token() !== undefined && typeof (await currentUser(scene, browser)) === 'string';
}

/**
 * A name that every object has (such as `constructor`) is an ordinary name, or refused: never another user, nor an
 * error.
 */
async function asNames(scene: Scene, tally: Tally): Promise<void> {
  const { browser } = await logInAtHome(scene);
  for (const user of PROTOTYPE_NAMES) {
    browser.cookies.clear();
    tally.sent += 1;
    const reply = await browser.perform('login', { user, password: scene.password });
    note(tally, { how: 'prototype name', token: '' }, 'a user with the right password', reply);
    if (reply.status !== 200) continue;
    const read = await browser.perform('read');
    const { fields, foreign } = scene.contract;
    const isOther = foreign?.showsOther !== true && fieldOf(read, fields.user) !== user;
    if (read.status !== 200 || isOther)
      tally.faults.add(
        `${describeReply(read)} or another user to the read of a user named like a prototype's field`,
      );
  }
}

/** One megabyte as cookie, in the path, and as name, at the balancer and at each server. */
async function sendHugeIds(scene: Scene, tally: Tally): Promise<void> {
  const { contract } = scene;
  const { operations, origin } = contract;
  const common = `Host: site\r\n${origin === undefined ? '' : `Origin: ${origin}\r\n`}Connection: close\r\n`;
  const body = JSON.stringify({ user: HUGE, password: 'wrong' });
  const requests = [
    {
      place: 'a token',
      text: `GET ${operations.read.path} HTTP/1.1\r\n${common}${linesFor(jarOf(contract, HUGE), contract)}\r\n`,
    },
    { place: 'a path', text: `GET /${HUGE} HTTP/1.1\r\n${common}\r\n` },
    {
      place: 'a user',
      text:
        `POST ${operations.login.path} HTTP/1.1\r\n${common}Content-Type: application/json\r\n` +
        `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    },
  ];
  for (const server of placesOf(scene)) {
    for (const { place, text } of requests) {
      tally.sent += 1;
      const wrong = (await sendRaw(scene, server, text)).find((status) => status < 400 || status >= 500);
      if (wrong !== undefined) tally.faults.add(`${wrong} to 1 MB as ${place}`);
    }
  }
}

export const HOSTILE_ID_CHECK: Check = {
  id: '46',
  title: 'Hostile ids are inert: NUL, CRLF, SQL, glob, 1 MB, unicode, prototype names',
  source: 'ASVS 5 V1.2, WSTG-INPV',
  expect: () => mustHold,
  observe: besideBystander(async (scene) => {
    const login = await logInAtHome(scene);
    const values = hostileValues(login.token);
    const tally: Tally = { sent: 0, faults: new Set() };
    const offered = await offer(scene, values);
    for (const how of offered.accepted) tally.faults.add(`${how} as cookie opened a session`);
    for (const how of offered.failed) tally.faults.add(`5xx to ${how} as cookie`);
    await inPath(scene, login.browser, 'endLogin', values, tally);
    if ((await currentUser(scene, login.browser)) === undefined)
      tally.faults.add('a hostile handle ended the login that sent it');
    const admin = await adminOf(scene);
    if (admin !== undefined) {
      await inPath(scene, admin, 'revoke', values, tally);
      await inPath(scene, admin, 'disable', values, tally);
    }
    await asUser(scene, values, tally);
    await asNames(scene, tally);
    await sendHugeIds(scene, tally);
    const evidence =
      `${offered.values} hostile values as cookie in ${offered.offers} offers, and ${tally.sent} as handle, id and ` +
      'name of a user: none opened a session or broke a server';
    return judgeFaults(
      tally.faults,
      tally.faults.size === 0 ? evidence : `of ${offered.offers + tally.sent} requests`,
    );
  }),
};
