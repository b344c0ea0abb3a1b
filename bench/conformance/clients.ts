import type { Contract } from '../config/contract.ts';
import type { Resources } from '../environment/processes/resources.ts';
import { seededRandom } from '../stats/random.ts';
import { assume } from './acts.ts';
import { openBrowsers } from './browser.ts';
import { createPace } from './pace.ts';
import { findPlainSide, type PlainAddress, type PlainSide, plainAddress } from './plain-http.ts';
import { exchangeRaw } from './raw.ts';
import type { Scene } from './scene.ts';

/** The part of a scene that follows from the contract, for our sites and for external ones. */
export type Clients = Omit<Scene, 'subject' | 'serverOf' | 'freshUser' | 'variant' | 'own'>;

/** Opens the clients of a site; their connections are closed with `resources`. */
export function openClients(
  target: string,
  contract: Contract,
  { seed, tries }: { seed: number; tries: number },
  resources: Resources,
): Clients {
  const { host, headers } = contract;
  const wire = { ...contract.wire, host, headers };
  const pace = createPace(contract.requestsPerSecond);
  const { open, close } = openBrowsers(contract, pace);
  resources.add('browsers', close);
  const openPlain = ({ url, host, wire }: PlainAddress) => {
    const browsers = openBrowsers({ ...contract, host, wire }, pace);
    resources.add('browsers over plain HTTP', browsers.close);
    return () => browsers.open(url);
  };
  let plainSide: Promise<PlainSide> | undefined;
  const addressOf = (server: number) => contract.servers[server] as string;
  return {
    contract,
    target,
    browser: () => open(target),
    plain() {
      plainSide ??= findPlainSide(plainAddress(target, contract), openPlain);
      return plainSide;
    },
    browserOf: (server) => open(addressOf(server)),
    servers: contract.servers.length,
    password: contract.password,
    async admin() {
      const { admin } = contract;
      assume(admin !== undefined, 'the contract has no administrator');
      const browser = open(target);
      const reply = await browser.perform('login', admin);
      assume(reply.status === 200, `expected the administrator's login, got ${reply.status}`);
      return browser;
    },
    async raw(bytes, { server, silenceMs } = {}) {
      await pace.turn();
      return exchangeRaw(server === undefined ? target : addressOf(server), bytes, silenceMs, wire);
    },
    during: pace.during,
    account: pace.account,
    tries,
    random: seededRandom(seed),
  };
}
