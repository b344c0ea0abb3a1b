import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism, cpus, hostname, release, totalmem } from 'node:os';
import type { Row } from '../../results/row.ts';
import type { ChosenBalancer } from '../balancer.ts';
import { gitEnvironment } from '../processes/git-environment.ts';
import { runProgram } from '../processes/run-program.ts';
import { PROJECT_ROOT } from '../programs.ts';

export type MachineCells = Pick<
  Row,
  'git_sha' | 'git_dirty' | 'host_id' | 'cpu_model' | 'cpu_count' | 'mem_bytes' | 'node_version'
>;

/** The columns for machine and code of a run. Those of git are absent outside a checkout. */
export async function describeMachine(): Promise<MachineCells> {
  const model = cpus()[0]?.model.trim();
  return {
    ...(await describeCheckout()),
    host_id: createHash('sha256').update(`${hostname()}|${model}|${totalmem()}`).digest('hex').slice(0, 12),
    ...(model === undefined ? {} : { cpu_model: model }),
    cpu_count: availableParallelism(),
    mem_bytes: totalmem(),
    node_version: process.version,
  };
}

/** Commit of a checkout, and whether it has changes; empty outside one. A file in results/ is not a change: each run writes one. */
export async function describeCheckout(
  root: string = PROJECT_ROOT,
): Promise<Pick<MachineCells, 'git_sha' | 'git_dirty'>> {
  const options = { cwd: root, timeout: 5000, env: gitEnvironment() };
  const git = (...args: string[]) => runProgram('git', args, options);
  const [head, status] = await Promise.all([
    git('rev-parse', 'HEAD'),
    git('status', '--porcelain', '--', '.', ':(exclude)results'),
  ]);
  if (!head.ok || !status.ok) return {};
  return { git_sha: head.stdout, git_dirty: status.stdout !== '' };
}

/** The record's entries for machine, system, libraries and balancer: all that is known before the first trial. */
export function describeRun(machine: MachineCells, chosen: ChosenBalancer | undefined) {
  return {
    machine: { ...machine },
    kernel: kernel(),
    lock_file_sha256: createHash('sha256').update(readFileSync(lockFile())).digest('hex'),
    balancer: { name: chosen?.balancer.name ?? 'none', version: chosen?.version },
  };
}

/** A package of this project has no lock file, which npm leaves out: its package.json has exact versions. */
function lockFile(): string {
  const lock = `${PROJECT_ROOT}pnpm-lock.yaml`;
  return existsSync(lock) ? lock : `${PROJECT_ROOT}package.json`;
}

/** Name and release of the operating system's kernel. */
export function kernel(): string {
  return `${process.platform} ${release()}`;
}
