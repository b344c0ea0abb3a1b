import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { PROJECT_ROOT } from '../environment/programs.ts';
import { until } from '../tests/cli-fixture.ts';

/**
 * Hosts on one machine, for tests: each has a network, a name and processes of its own. The kernel removes all of a host
 * when its first process ends, and that ends with the test's, even by kill -9: its standard input is a pipe from there.
 */
export interface Host {
  address: string;
  /** The first process: who ends it ends the host. */
  pid: number;
  /** Starts a command there. */
  start(command: string, args: readonly string[], env?: Record<string, string>): ChildProcess;
}

export interface Hosts<Name extends string> {
  hosts: Record<Name, Host>;
  /** Ends all of them, and what runs there; waits for it. */
  close(): Promise<void>;
}

const NET = '10.77.0';
/** Not the terminal's, and nothing of the test's own. */
const ENV = { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '' };

/** Hosts with these names at 10.77.0.1, 10.77.0.2, …; the first has the bridge that joins them. Needs root. */
export async function openHosts<const Name extends string>(names: readonly Name[]): Promise<Hosts<Name>> {
  const holders: ChildProcess[] = [];
  const started: ChildProcess[] = [];
  const close = async () => {
    // nsenter stops with what it started (SIGSTOP), and has to reap it.
    for (const child of started) child.kill('SIGCONT');
    for (const { stdin } of holders) stdin?.end();
    const isOver = ({ exitCode, signalCode }: ChildProcess) => exitCode !== null || signalCode !== null;
    await until('the end of all hosts', () => holders.every(isOver), 10_000);
  };
  try {
    const hosts: [Name, Host][] = [];
    for (const [index, name] of names.entries()) {
      const holder = hold();
      holders.push(holder);
      const pid = await firstProcess(holder);
      hosts.push([name, hostAt(pid, `${NET}.${index + 1}`, started)]);
      inside(pid, 'hostname', name);
    }
    join(hosts.map(([, host]) => host));
    return { hosts: Object.fromEntries(hosts) as Record<Name, Host>, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** The first process of a host only waits for the end of its input. */
function hold(): ChildProcess {
  const own = ['--net', '--uts', '--pid', '--mount-proc', '--fork', '--kill-child'];
  return spawn('unshare', [...own, 'cat'], { stdio: ['pipe', 'ignore', 'inherit'] });
}

async function firstProcess({ pid }: ChildProcess): Promise<number> {
  const children = () => readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  await until('a namespace', () => children() !== '', 5_000);
  const first = Number(children());
  // It has its names when it runs what it was started for.
  await until('its first process', () => readFileSync(`/proc/${first}/comm`, 'utf8').trim() === 'cat', 5_000);
  return first;
}

function join(hosts: readonly Host[]): void {
  const [bridge, ...others] = hosts;
  if (bridge === undefined) return;
  inside(bridge.pid, 'ip', 'link', 'add', 'br0', 'type', 'bridge');
  inside(bridge.pid, 'ip', 'address', 'add', `${bridge.address}/24`, 'dev', 'br0');
  for (const device of ['lo', 'br0']) inside(bridge.pid, 'ip', 'link', 'set', device, 'up');
  for (const [index, { pid, address }] of others.entries()) {
    const end = `to${index}`;
    inside(bridge.pid, 'ip', 'link', 'add', end, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', `${pid}`);
    inside(bridge.pid, 'ip', 'link', 'set', end, 'master', 'br0', 'up');
    inside(pid, 'ip', 'address', 'add', `${address}/24`, 'dev', 'eth0');
    for (const device of ['lo', 'eth0']) inside(pid, 'ip', 'link', 'set', device, 'up');
  }
}

/** Runs a command with the network and the name of a host, and the processes of this one. */
function inside(pid: number, ...command: readonly string[]): void {
  execFileSync('nsenter', ['--target', `${pid}`, '--net', '--uts', '--', ...command], { stdio: 'pipe' });
}

function hostAt(pid: number, address: string, started: ChildProcess[]): Host {
  const own = ['--target', `${pid}`, '--net', '--uts', '--pid', '--mount', `--wd=${PROJECT_ROOT}`, '--'];
  return {
    address,
    pid,
    start(command, args, env = {}) {
      const child = spawn('nsenter', [...own, command, ...args], {
        cwd: PROJECT_ROOT,
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...ENV, ...env },
      });
      started.push(child);
      return child;
    },
  };
}
