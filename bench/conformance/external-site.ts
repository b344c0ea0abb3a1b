import type { Resources } from '../environment/processes/resources.ts';
import { seededRandom } from '../stats/random.ts';
import { ExperimentFailed } from './acts.ts';
import { openBrowsers } from './browser.ts';
import type { Subject } from './check.ts';
import type { Contract } from './contract.ts';
import { exchangeRaw } from './raw.ts';
import type { Scene } from './scene.ts';

/** An external site, as its contract describes it: nothing can be killed, and its clock cannot be moved. */
export function externalScene(
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
    subject: externalSubject(contract),
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
      if (admin === undefined) throw new ExperimentFailed('the contract has no administrator');
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
      Promise.reject(
        new ExperimentFailed(`expected one of our sites to start as ${name}, got an external one`),
      ),
    own: undefined,
  };
}

function externalSubject(contract: Contract): Subject {
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
