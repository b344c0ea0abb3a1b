/**
 * The campaign of real gates: `pnpm bench gate --base HEAD` with its own settings and its worktree, one after the other,
 * on unchanged code or with a busy-wait planted into the source of the head. Rows of each gate stay under
 * results/proof/campaign, with a line in gates.jsonl. Each call adds gates until its time is up; a gate that is stopped
 * leaves nothing. Usage:
 *
 *     pnpm exec tsx scripts/campaign.ts unchanged --minutes 60
 *     pnpm exec tsx scripts/campaign.ts planted --busy-us 0.75 --stores none --minutes 60
 *     pnpm exec tsx scripts/campaign.ts summary
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { ignoreClosedPipes } from '../bench/commands/closed-pipe.ts';
import { PROJECT_ROOT } from '../bench/environment/programs.ts';
import { git } from '../bench/gate/git.ts';
import { readResultFile } from '../bench/results/csv.ts';
import { isUsable } from '../bench/results/row.ts';
import { type GateLine, printCampaign } from './proof/campaign-summary.ts';

ignoreClosedPipes();

const { values, positionals } = parseArgs({
  options: {
    minutes: { type: 'string', default: '30' },
    stores: { type: 'string', default: 'none,redis' },
    'busy-us': { type: 'string', default: '0.75' },
    directory: { type: 'string', default: 'results/proof/campaign' },
  },
  allowPositionals: true,
});
const [kind = ''] = positionals;
if (!['unchanged', 'planted', 'summary'].includes(kind)) {
  console.error(`expected unchanged, planted or summary, got "${kind}"`);
  process.exit(2);
}
const directory = resolve(PROJECT_ROOT, values.directory);
const log = join(directory, 'gates.jsonl');
const lines = (): GateLine[] =>
  existsSync(log)
    ? readFileSync(log, 'utf8')
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line))
    : [];
mkdirSync(directory, { recursive: true });

let isStopped = false;
let stopGate: () => void = () => undefined;
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.on(name, () => {
    isStopped = true;
    stopGate();
  });
}

if (kind !== 'summary') {
  const deadlineMs = performance.now() + Number(values.minutes) * 60_000;
  const head = await openHead();
  try {
    for (let lastMs = 0; !isStopped && performance.now() + lastMs < deadlineMs; ) {
      const beganMs = performance.now();
      await runGate(head);
      lastMs = performance.now() - beganMs;
    }
  } finally {
    rmSync(dirname(head), { recursive: true, force: true });
  }
}
printCampaign(directory, lines());

/** A clone of this commit with its packages; the source of its server is changed where something is planted. */
async function openHead(): Promise<string> {
  const folder = join(mkdtempSync(join(tmpdir(), 'session-bench-campaign-')), 'head');
  const cloned = await git(PROJECT_ROOT, ['clone', '--quiet', PROJECT_ROOT, folder]);
  if (!cloned.ok) throw new Error(`git clone: ${cloned.errorText}`);
  symlinkSync(join(PROJECT_ROOT, 'node_modules'), join(folder, 'node_modules'), 'dir');
  if (kind === 'planted') {
    const path = join(folder, 'servers/config.ts');
    const source = readFileSync(path, 'utf8');
    const changed = source.replace(
      'return { ...DEFAULTS, ',
      `return { ...DEFAULTS, handicap: { busyUs: ${Number(values['busy-us'])} }, `,
    );
    if (changed === source) throw new Error('expected the defaults in servers/config.ts, to plant a wait');
    writeFileSync(path, changed);
  }
  return folder;
}

async function runGate(head: string): Promise<void> {
  const number = 1 + Math.max(0, ...lines().map((line) => line.number));
  const name = join(directory, String(number).padStart(3, '0'));
  const startedAt = new Date();
  const args = ['--import', 'tsx', 'bench/cli.ts', 'gate', '--base', 'HEAD', '--store', values.stores];
  const child = spawn(process.execPath, [...args, '--out', name], {
    cwd: head,
    stdio: ['ignore', 'ignore', 'inherit'],
    detached: true,
  });
  stopGate = () => child.kill('SIGINT');
  const [code] = (await once(child, 'exit')) as [number | null];
  for (const side of ['base', 'head']) {
    for (const rest of ['histograms', 'slices']) rmSync(`${name}-${side}.${rest}.jsonl`, { force: true });
  }
  if (isStopped || code === null || ![0, 3, 4].includes(code)) {
    for (const side of ['base', 'head']) {
      for (const end of ['csv', 'env.json']) rmSync(`${name}-${side}.${end}`, { force: true });
    }
    if (!isStopped) throw new Error(`the gate ended with ${code}`);
    return;
  }
  for (const side of ['base', 'head']) withoutPaths(`${name}-${side}.env.json`);
  const rows = readResultFile(`${name}-head.csv`);
  const commit = await git(PROJECT_ROOT, ['rev-parse', 'HEAD']);
  const line: GateLine = {
    number,
    kind: kind as GateLine['kind'],
    stores: values.stores,
    ...(kind === 'planted' ? { busy_us: Number(values['busy-us']) } : {}),
    commit: commit.text,
    started_at: startedAt.toISOString(),
    seconds: Math.round((Date.now() - startedAt.getTime()) / 1000),
    exit: code,
    blocks: new Set(rows.map(({ block }) => block)).size,
    valid_blocks: new Set(rows.filter(isUsable).map(({ block }) => block)).size,
  };
  appendFileSync(log, `${JSON.stringify(line)}\n`);
}

/** The record of a gate without the folders of this machine. */
function withoutPaths(path: string): void {
  const record = JSON.parse(readFileSync(path, 'utf8'));
  const command = ['gate', '--base', 'HEAD', '--store', values.stores];
  writeFileSync(path, `${JSON.stringify({ ...record, command }, undefined, 2)}\n`);
}
