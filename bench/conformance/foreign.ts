import type { Resources } from '../environment/processes/resources.ts';
import { seededRandom } from '../stats/random.ts';
import { ExperimentFailed } from './acts.ts';
import { openBrowsers } from './browser.ts';
import type { Subject } from './check.ts';
import type { Contract } from './contract.ts';
import { exchangeRaw } from './raw.ts';
import type { Scene } from './scene.ts';

/** A site that somebody else runs, as its contract describes it: nothing of it can be broken, and its clock is its own. */
export function foreignScene(
  target: string,
  contract: Contract,
  options: { seed: number; tries: number; resources: Resources },
): Scene {
  const { seed, tries, resources } = options;
  const browsers = openBrowsers(contract);
  resources.add('browsers', browsers.close);
  const { open } = browsers;
  // A number that no earlier run has used: the names of its users stay logged in there.
  const first = Math.floor(Date.now() / 1000) % 1_000_000;
  let users = 0;
  return {
    subject: foreignSubject(contract),
    contract,
    target,
    browser: () => open(target),
    browserOf: (server) => open(contract.servers[server] as string),
    servers: contract.servers.length,
    serverOf: () => undefined,
    freshUser() {
      users += 1;
      if (typeof contract.users === 'string') return contract.users.replace('{n}', `${first}${users}`);
      return contract.users[users % contract.users.length] as string;
    },
    password: contract.password,
    async admin() {
      const { admin } = contract;
      if (admin === undefined) throw new ExperimentFailed('the contract names no administrator');
      const browser = open(target);
      const reply = await browser.perform('login', admin);
      if (reply.status !== 200)
        throw new ExperimentFailed(`expected the administrator's login, got ${reply.status}`);
      return browser;
    },
    raw: (bytes, { server, silenceMs } = {}) =>
      exchangeRaw(server === undefined ? target : (contract.servers[server] as string), bytes, silenceMs),
    tries,
    random: seededRandom(seed),
    variant: ({ name }) =>
      Promise.reject(new ExperimentFailed(`a foreign site cannot be started anew as ${name}`)),
    own: undefined,
  };
}

function foreignSubject(contract: Contract): Subject {
  return {
    name: contract.name,
    store: contract.name,
    options: {},
    durability: 'second',
    traits: contract.traits,
    service: undefined,
    servers: Math.max(1, contract.servers.length),
    affinity: contract.affinity,
    balancer: 'foreign',
  };
}
