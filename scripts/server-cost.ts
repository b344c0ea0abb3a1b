/**
 * Measures the cost of a part of a server, in CPU µs per request: its readings for the harness, and the actual CPU of a
 * planted busy-wait. Each arm is a separate process; they take short turns under a closed loop, several times with
 * fresh processes. Usage: pnpm exec tsx scripts/server-cost.ts [--arms bare,busy4] [--blocks 8] [--rounds 40]
 * [--slice-ms 100] [--connections 16]. Arms: `bare` (no readings), `busyN` (N µs), `same` (another copy). Linux only
 * (/proc).
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { buildServer, PROJECT_ROOT } from '../bench/environment/programs.ts';
import { SERVER_CONFIG_ENV } from '../servers/config.ts';
import { type Arm, armOf, loginCookie, measureInTurns, printCosts } from './turns.ts';

const REFERENCE = 'plain';
const SECRETS = { secret: 'c2VjcmV0', password: 'right', adminPassword: 'root' };

const { values } = parseArgs({
  options: {
    arms: { type: 'string', default: 'bare,same' },
    blocks: { type: 'string', default: '8' },
    rounds: { type: 'string', default: '40' },
    'slice-ms': { type: 'string', default: '100' },
    connections: { type: 'string', default: '16' },
  },
});
const names = [REFERENCE, ...values.arms.split(',')];
const connections = Number(values.connections);
const program = await buildServer(PROJECT_ROOT);
const home = mkdtempSync(join(dirname(program), 'cost-'));
try {
  const bare = join(home, 'bare.mjs');
  writeFileSync(bare, withoutReadings(readFileSync(program, 'utf8')));
  const blocks = await measureInTurns(names, (name) => startArm(name, name === 'bare' ? bare : program), {
    blocks: Number(values.blocks),
    rounds: Number(values.rounds),
    sliceMs: Number(values['slice-ms']),
    connections,
  });
  printCosts(names, blocks);
} finally {
  rmSync(home, { recursive: true, force: true });
}

/** The same program without the observation of loop and collector. @throws Error when they are not found. */
function withoutReadings(code: string): string {
  const bare = code.replace('delay.enable();', '').replace('observer.observe({ entryTypes: ["gc"] });', '');
  if (bare.length > code.length - 40)
    throw new Error('expected both readings in the program, to remove them');
  return bare;
}

async function startArm(name: string, path: string): Promise<Arm> {
  const busyUs = /^busy([\d.]+)$/.exec(name)?.[1];
  if (busyUs === undefined && !['bare', 'same', REFERENCE].includes(name))
    throw new Error(`expected an arm of bare, same, busyN, got ${name}`);
  const handicap = busyUs === undefined ? {} : { handicap: { busyUs: Number(busyUs) } };
  const config = { id: 's1', store: 'none', ...SECRETS, ...handicap };
  const child = spawn(process.execPath, [path], {
    env: { [SERVER_CONFIG_ENV]: JSON.stringify(config), NODE_ENV: 'production' },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const [{ port }] = (await once(child, 'message')) as [{ port: number }];
  return armOf(name, child, port, await loginCookie(port, SECRETS.password), connections);
}
