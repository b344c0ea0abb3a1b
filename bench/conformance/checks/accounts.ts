/** Checks 21 to 25 and 45: actions on all logins of a user, or on an account. */

import { logIn, times, totalsOf } from '../acts.ts';
import type { Browser } from '../browser.ts';
import { type Check, notApplicable, verdict } from '../check.ts';
import type { Scene } from '../scene.ts';
import { DEVICE_CHECK } from './devices.ts';
import { LOGIN_LIMIT_CHECK } from './login-limits.ts';
import { THROTTLE_CHECK } from './login-throttle.ts';
import {
  adminOf,
  describeReplies,
  expectReply,
  logInDevices,
  logInEverywhere,
  needsUserIndex,
  roundsOf,
  stillAccepted,
  survivorsOf,
} from './logins.ts';
import { PASSWORD_CHECK } from './password-change.ts';
import { refreshSite } from './refresh-site.ts';

const NO_ADMIN = notApplicable('the contract has no administrator');

export const ACCOUNT_CHECKS: readonly Check[] = [
  {
    id: '21',
    title: 'An administrator ends all logins of a user, one or several, and those of nobody else',
    source: 'ASVS 5 V7.4.5',
    expect: needsUserIndex({
      atRefresh:
        'An administrator who throws a thief out keeps the stolen token from being renewed: it works for the rest of its minute.',
      noIndex:
        'An administrator who throws a thief out is told that it cannot be done: the stolen token works until it expires.',
      perServer:
        'The administrator reaches the logins of one server: a thief whose login lies on another stays in.',
    }),
    async observe(scene) {
      const admin = await adminOf(scene);
      if (admin === undefined) return NO_ADMIN;
      const rounds = await times(roundsOf(scene), (round) =>
        revokeOnce(scene, admin, round === 0 ? 1 : undefined),
      );
      const site = await refreshSite(scene);
      if (site !== undefined) rounds.push(await revokeOnce(site, await site.admin()));
      const { survivors, struck, logins } = totalsOf(rounds);
      const evidence =
        `${survivors} of ${logins} logins of ${rounds.length} users were still ` +
        `accepted by a server after the administrator ended them (replies: ${describeReplies(rounds.map((round) => round.reply))}), ` +
        `and ${struck} of ${rounds.length} logins of others ended with them` +
        `${site === undefined ? '' : '; the last user in refresh mode'}`;
      return verdict(survivors + struck === 0, evidence);
    },
  },
  {
    id: '22',
    title: 'A disabled account loses its logins and makes no new one, until it is enabled again',
    source: 'ASVS 5 V7.4.2',
    expect: needsUserIndex({
      atRefresh:
        'A dismissed employee whose account is disabled keeps working until the access token is over.',
      noIndex:
        'A dismissed employee whose account is disabled keeps working with the token, and logs in again: nothing enforces the ban.',
      perServer: 'A disabled user keeps working, and logs in again, at the servers that did not hear of it.',
    }),
    async observe(scene) {
      const admin = await adminOf(scene);
      if (admin === undefined) return NO_ADMIN;
      const rounds = await times(roundsOf(scene), () => disableOnce(scene, admin));
      const { survivors, logins, entered, attempts, lockedOut } = totalsOf(rounds);
      const evidence =
        `of ${rounds.length} disabled users ${survivors} of ${logins} logins were still accepted and ` +
        `${entered} of ${attempts} new logins succeeded (replies to the administrator: ` +
        `${describeReplies(rounds.map((round) => round.reply))}); enabled again, ${lockedOut} of ${attempts} logins were refused`;
      return verdict(survivors + entered + lockedOut === 0, evidence);
    },
  },
  PASSWORD_CHECK,
  DEVICE_CHECK,
  LOGIN_LIMIT_CHECK,
  THROTTLE_CHECK,
];

/** @param devices number of the user's logins; several by default. */
async function revokeOnce(scene: Scene, admin: Browser, devices?: number) {
  const user = scene.freshUser();
  const logins = await logInDevices(scene, user, devices);
  const bystander = await logIn(scene);
  const reply = expectReply(await admin.perform('revoke', { user }), 'a revocation by the administrator');
  const survivors = await survivorsOf(scene, logins);
  const struck = 1 - (await stillAccepted(scene, [bystander]));
  return { reply, logins: logins.length, survivors, struck };
}

async function disableOnce(scene: Scene, admin: Browser) {
  const user = scene.freshUser();
  const logins = await logInDevices(scene, user);
  const reply = expectReply(await admin.perform('disable', { user, disabled: true }), 'disabling an account');
  const survivors = await survivorsOf(scene, logins);
  const whileOff = await logInEverywhere(scene, user);
  expectReply(await admin.perform('disable', { user, disabled: false }), 'enabling an account');
  const whileOn = await logInEverywhere(scene, user);
  const lockedOut = whileOn.attempts - whileOn.entered;
  return { reply, logins: logins.length, survivors, ...whileOff, lockedOut };
}
