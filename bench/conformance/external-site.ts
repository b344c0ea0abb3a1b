import type { Resources } from '../environment/processes/resources.ts';
import { ExperimentFailed } from './acts.ts';
import type { Subject } from './check.ts';
import { openClients } from './clients.ts';
import type { Contract } from './contract.ts';
import type { Scene } from './scene.ts';

/** An external site, as its contract describes it: nothing can be killed, and its clock cannot be moved. */
export function externalScene(
  target: string,
  contract: Contract,
  options: { seed: number; tries: number; resources: Resources },
): Scene {
  // A number that no earlier run has used: the names of its users stay logged in there.
  const first = Math.floor(Date.now() / 1000) % 1_000_000;
  let users = 0;
  return {
    subject: externalSubject(contract),
    ...openClients(target, contract, options, options.resources),
    serverOf: () => undefined,
    freshUser() {
      users += 1;
      if (typeof contract.users === 'string') return contract.users.replace('{n}', `${first}${users}`);
      return contract.users[users % contract.users.length] as string;
    },
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
