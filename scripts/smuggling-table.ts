/**
 * The behaviour of the built-in balancer and HAProxy in each case of the smuggling corpus. Prints
 * docs/generated/smuggling.md, or replaces it with --write. Usage: pnpm exec tsx scripts/smuggling-table.ts [--write]
 */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ignoreClosedPipes } from '../bench/commands/closed-pipe.ts';
import type { Balancer } from '../servers/balancers/balancer.ts';
import { startLaunch } from '../servers/balancers/fixtures/processes.ts';
import type { Cleanup } from '../servers/balancers/fixtures/raw-sockets.ts';
import { SMUGGLING_CASES } from '../servers/balancers/fixtures/smuggling-corpus.ts';
import {
  demandOf,
  outcomeOf,
  runCase,
  type StrictServer,
  strictServer,
} from '../servers/balancers/fixtures/smuggling-run.ts';
import { haproxy } from '../servers/balancers/haproxy.ts';
import { node } from '../servers/balancers/node.ts';
import { freePort } from '../stores/free-port.ts';

ignoreClosedPipes();

const DOCUMENT = fileURLToPath(new URL('../docs/generated/smuggling.md', import.meta.url));

const HEAD = `# The smuggling corpus, case by case

Made by \`pnpm exec tsx scripts/smuggling-table.ts --write\`, which replaces this file. [hardening.md](../hardening.md) says what
is tested, and why. The column RFC 9112 is the reference parser's reading of the same bytes.

| entry | meaning |
| --- | --- |
| *passes 2* | two requests reached the server |
| a number | the balancer's own refusal |
| *waits* | the balancer waits for the rest |
| *closes* | the balancer closes the connection without a reply |
| *PASSES A FAULT* | a request reached the server that RFC 9112 requires the server to refuse |

`;

const cleanup: Cleanup = { undo: [] };
try {
  const server = await strictServer(cleanup);
  const own = await outcomes(node, server);
  const other = await outcomes(haproxy, server);
  const document = HEAD + tableOf(own.cells, other.cells, other.version);
  if (process.argv.includes('--write')) writeFileSync(DOCUMENT, document);
  else process.stdout.write(document);
} finally {
  for (const step of cleanup.undo.reverse()) await step();
}

async function outcomes(
  balancer: Balancer,
  server: StrictServer,
): Promise<{ version: string; cells: string[] }> {
  const binary = balancer.find();
  if (binary === undefined)
    throw new Error(`expected ${balancer.name} on this machine; run: sh scripts/setup.sh`);
  const directory = mkdtempSync(join(tmpdir(), 'smuggling-'));
  cleanup.undo.push(() => rmSync(directory, { recursive: true, force: true }));
  const port = await freePort('127.0.0.1');
  const upstreams = [{ id: 's1', host: '127.0.0.1', port: server.port }];
  const plan = { host: '127.0.0.1', port, upstreams, affinity: 'round-robin', directory } as const;
  const started = await startLaunch(balancer.launch(binary, plan), port);
  cleanup.undo.push(() => started.stop());
  const cells: string[] = [];
  for (const one of SMUGGLING_CASES) cells.push(outcomeOf(await runCase(cleanup, port, server, one)));
  return { version: await balancer.version(binary), cells };
}

function tableOf(own: readonly string[], other: readonly string[], version: string): string {
  const differ = own.filter((cell, n) => cell !== other[n]).length;
  const rows = SMUGGLING_CASES.map((one, n) => {
    return `| ${one.name} | ${one.source} | ${demandOf(one)} | ${own[n]} | ${other[n]} |`;
  });
  return `${[
    `${rows.length} cases; the two differ in ${differ}. HAProxy ${version}.`,
    '',
    `| case | source | RFC 9112 | built-in | HAProxy |`,
    '| --- | --- | --- | --- | --- |',
    ...rows,
  ].join('\n')}\n`;
}
