/**
 * Measures what TLS costs the edge: CPU µs of HAProxy and nginx with and without it, per request over connections that
 * stay open, and per connection with one request, each a full handshake. In one run, in short interleaved slices
 * against the same servers. Usage: pnpm exec tsx scripts/tls-cost.ts [--rounds 20] [--slice-ms 1000] [--connections 32]
 * [--upstreams 3] [--csv results/proof/costs/tls.csv]. Linux only (/proc).
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ignoreClosedPipes } from '../bench/commands/closed-pipe.ts';
import { createCertificates } from '../bench/environment/certificates.ts';
import { EDGE_TLS, negotiated } from '../bench/environment/edge.ts';
import { createResources } from '../bench/environment/processes/resources.ts';
import { CONFIDENCE } from '../bench/stats/levels.ts';
import { median } from '../bench/stats/median.ts';
import { signedRankEstimate } from '../bench/stats/signed-rank.ts';
import { haproxy } from '../servers/balancers/haproxy.ts';
import { nginx } from '../servers/balancers/nginx.ts';
import { type Arm, runRounds, startArm, startLoad, startUpstreams } from './edge-arms.ts';
import { type Cell, writeRows } from './rows.ts';

ignoreClosedPipes();

/**
 * `warmUpRequests` are discarded, for each arm. Slices of new connections are shorter: each takes a port towards a server
 * too, which is not free again for a minute (RFC 9293 §3.3.2).
 */
const PARTS = [
  { part: 'request', isOnce: false, warmUpRequests: 30_000, sliceShare: 1 },
  { part: 'connection', isOnce: true, warmUpRequests: 3_000, sliceShare: 0.1 },
] as const;
const HEAD = ['per', 'balancer', 'edge', 'round', 'cpu_us', 'per_second'] as const;

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '20' },
    'slice-ms': { type: 'string', default: '1000' },
    connections: { type: 'string', default: '32' },
    upstreams: { type: 'string', default: '3' },
    csv: { type: 'string' },
  },
});
const parent = mkdtempSync(join(tmpdir(), 'tls-cost-'));
// Closed in any case: nothing is left running.
await using resources = createResources();
resources.add(parent, () => rmSync(parent, { recursive: true, force: true }));
const { ca, certificate } = await createCertificates(parent);
const upstreams = await startUpstreams(Number(options.upstreams), resources);
const load = startLoad(Number(options.connections), resources);
const rows: Cell[][] = [];
for (const { part, isOnce, warmUpRequests, sliceShare } of PARTS) {
  const pairs: { balancer: string; plain: Arm; tls: Arm }[] = [];
  for (const balancer of [haproxy, nginx]) {
    const start = (edge: string, more: object, order: Arm['order']) => {
      const name = `${balancer.name} ${edge} ${part}`;
      const common = { balancer, upstreams, affinity: 'round-robin', parent } as const;
      return startArm({ ...common, name, order, ...more }, resources);
    };
    const plain = await start('plain', {}, { isOnce });
    const tls = await start('tls', { tls: { certificate } }, { isOnce, ca });
    const spoken = await negotiated(tls.started.port, ca);
    if (!spoken.startsWith(EDGE_TLS)) throw new Error(`${tls.name}: expected ${EDGE_TLS}, got ${spoken}`);
    pairs.push({ balancer: balancer.name, plain, tls });
  }
  const [rounds, sliceMs] = [Number(options.rounds), Number(options['slice-ms']) * sliceShare];
  const arms = pairs.flatMap(({ plain, tls }) => [plain, tls]);
  await runRounds(arms, load, { rounds, sliceMs, warmUpRequests });
  for (const { balancer, plain, tls } of pairs) {
    print(`${balancer}, per ${part}`, plain, tls);
    for (const [edge, arm] of [
      ['plain', plain],
      [EDGE_TLS, tls],
    ] as const)
      for (const [index, cpuUs] of arm.cpuUsPerRequest.entries())
        rows.push([part, balancer, edge, index + 1, cpuUs, arm.requestsPerSecond[index] as number]);
  }
}
writeRows(options.csv, HEAD, rows);

/** Difference and ratio within the rounds, with 95 % intervals: a disturbance in a round affects all arms. */
function print(what: string, plain: Arm, tls: Arm): void {
  const within = (combine: (one: number, other: number) => number, digits: number) => {
    const values = tls.cpuUsPerRequest.map((one, round) =>
      combine(one, plain.cpuUsPerRequest[round] as number),
    );
    const { estimate = Number.NaN, lower, upper } = signedRankEstimate(values, CONFIDENCE);
    return `${estimate.toFixed(digits)} [${lower.toFixed(digits)}, ${upper.toFixed(digits)}]`;
  };
  const [before, after] = [median(plain.cpuUsPerRequest), median(tls.cpuUsPerRequest)];
  console.log(
    `${what}: ${before?.toFixed(2)} µs plain, ${after?.toFixed(2)} µs with TLS; ` +
      `${within((one, other) => one - other, 2)} µs more, ${within((one, other) => one / other, 3)} ×`,
  );
}
