/** The built-in balancer: a lean relay, for machines that have neither HAProxy nor nginx. */

import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { STEADY_FLAGS } from '../node-flags.ts';
import { assertPlan, type Balancer } from './balancer.ts';
import { PLAN_VARIABLE, relayPlanText } from './relay/plan.ts';

/** Entry script of the built-in balancer, also for a bundler. */
export const RELAY_ENTRY: string = fileURLToPath(new URL('relay/main.ts', import.meta.url));

export const node: Balancer = {
  name: 'node',
  terminatesTls: false,
  find: () => RELAY_ENTRY,
  version: () => Promise.resolve(process.versions.node),
  launch(binary, plan) {
    assertPlan(plan);
    if (plan.tls !== undefined) throw new RangeError('balancer plan: expected plain HTTP, got TLS');
    return {
      command: process.execPath,
      args: [...STEADY_FLAGS, ...(binary.endsWith('.ts') ? ['--import', typescriptLoader()] : []), binary],
      env: { [PLAN_VARIABLE]: relayPlanText(plan) },
      files: [],
      ready: 'ipc',
    };
  },
};

/** Only for a source file: a bundle must start where tsx is not installed. */
function typescriptLoader(): string {
  return pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
}
