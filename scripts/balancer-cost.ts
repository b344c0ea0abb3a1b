/**
 * Measures the cost of each balancer: CPU µs per request of HAProxy, nginx and the built-in, in one run, in short
 * interleaved slices against the same servers. Usage: pnpm exec tsx scripts/balancer-cost.ts [--rounds 10] [--slice-ms
 * 1000] [--connections 32] [--upstreams 3] [--affinity round-robin|sticky]. Linux only (/proc).
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ignoreClosedPipes } from '../bench/commands/closed-pipe.ts';
import { createResources } from '../bench/environment/processes/resources.ts';
import { median } from '../bench/stats/median.ts';
import type { Affinity } from '../servers/balancers/balancer.ts';
import { haproxy } from '../servers/balancers/haproxy.ts';
import { nginx } from '../servers/balancers/nginx.ts';
import { node } from '../servers/balancers/node.ts';
import { type Arm, runRounds, startArm, startLoad, startUpstreams } from './edge-arms.ts';

ignoreClosedPipes();

/** Discarded, for each arm. */
const WARM_UP_REQUESTS = 30_000;

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '10' },
    'slice-ms': { type: 'string', default: '1000' },
    connections: { type: 'string', default: '32' },
    upstreams: { type: 'string', default: '3' },
    affinity: { type: 'string', default: 'round-robin' },
  },
});
const parent = mkdtempSync(join(tmpdir(), 'balancer-cost-'));
// Closed in any case: nothing is left running.
await using resources = createResources();
resources.add(parent, () => rmSync(parent, { recursive: true, force: true }));
const upstreams = await startUpstreams(Number(options.upstreams), resources);
const load = startLoad(Number(options.connections), resources);
const arms: Arm[] = [];
for (const balancer of [haproxy, nginx, node]) {
  const affinity = options.affinity as Affinity;
  arms.push(await startArm({ name: balancer.name, balancer, upstreams, affinity, parent }, resources));
}
const [rounds, sliceMs] = [Number(options.rounds), Number(options['slice-ms'])];
await runRounds(arms, load, { rounds, sliceMs, warmUpRequests: WARM_UP_REQUESTS });
print(arms);

/** The ratio is the median of the ratios within the rounds: a disturbance in a round affects all arms. */
function print(arms: Arm[]): void {
  const base = arms[0]?.cpuUsPerRequest ?? [];
  for (const { name, cpuUsPerRequest, requestsPerSecond } of arms) {
    const ratios = cpuUsPerRequest.map((costUs, round) => costUs / (base[round] ?? Number.NaN));
    const range = `${Math.min(...cpuUsPerRequest).toFixed(2)}–${Math.max(...cpuUsPerRequest).toFixed(2)}`;
    console.log(
      `${name.padEnd(8)} ${median(cpuUsPerRequest)?.toFixed(2)} µs CPU/request (${range}), ` +
        `${median(ratios)?.toFixed(2)} × haproxy, at ${median(requestsPerSecond)?.toFixed(0)} requests/s`,
    );
  }
}
