import { openTogether } from '../environment/resources.ts';
import { messageOf } from '../errors.ts';
import type { Progress } from '../progress.ts';
import { checksOf } from './catalogue.ts';
import type { Cell, Check, Subject } from './check.ts';
import type { ConformanceConfig } from './config.ts';
import { foreignScene } from './foreign.ts';
import { openRig, type Rig } from './rig.ts';
import { runChecks } from './run.ts';
import { openSite } from './site.ts';
import { subjectOf } from './subject.ts';

/** What a run of the checks came to. */
export interface ConformanceOutcome {
  cells: readonly Cell[];
  /** Whether it was stopped before its end. */
  isStopped: boolean;
}

/**
 * The straight line: configuration → backends, each behind each balancer → checks → cells. A backend that could not be
 * started is a column of errors, never a missing one; when the signal aborts, the columns so far stay.
 * @throws BenchError when nothing could be started at all.
 */
export async function runConformance(
  config: ConformanceConfig,
  progress: Progress,
  signal: AbortSignal,
): Promise<ConformanceOutcome> {
  const checks = checksOf(config.only);
  if (config.foreign !== undefined) return lookAtForeign(config, config.foreign, checks, progress, signal);
  const cells: Cell[] = [];
  const { balancers, stores, affinities, servers, durability } = config;
  const total = balancers.length * stores.length * affinities.length;
  let ordinal = 0;
  for (const balancer of balancers) {
    await openTogether(async (resources) => {
      const { tier, urls } = config;
      const rig = await openRig({ balancer, tier, urls, signal }, resources);
      const place = { servers, durability, balancer: rig.balancer.balancer.name };
      for (const choice of stores) {
        for (const affinity of affinities) {
          if (signal.aborted) break;
          ordinal += 1;
          const subject = subjectOf(choice, { ...place, affinity });
          progress.begin(titleOf(subject), ordinal, total);
          const column = await lookAt(subject, rig, config, checks, progress);
          cells.push(...column);
          progress.end(summaryOf(column));
        }
      }
      await resources.close();
    });
  }
  return { cells, isStopped: signal.aborted };
}

async function lookAt(
  subject: Subject,
  rig: Rig,
  { seed, tries }: ConformanceConfig,
  checks: readonly Check[],
  progress: Progress,
): Promise<Cell[]> {
  const done: Cell[] = [];
  const onCell = (cell: Cell) => {
    done.push(cell);
    progress.step(`check ${cell.id}, ${done.length} of ${checks.length}`);
  };
  try {
    const site = await openSite({ subject, rig, seed, tries });
    try {
      await runChecks(site, checks, { signal: rig.signal, onCell });
    } finally {
      await site.close();
    }
  } catch (error) {
    if (rig.signal.aborted) return [];
    const rest = checks.slice(done.length).map((check) => errorCell(check, subject, messageOf(error)));
    return [...done, ...rest];
  }
  return done;
}

function lookAtForeign(
  { seed, tries }: ConformanceConfig,
  { target, contract }: NonNullable<ConformanceConfig['foreign']>,
  checks: readonly Check[],
  progress: Progress,
  signal: AbortSignal,
): Promise<ConformanceOutcome> {
  return openTogether(async (resources) => {
    const scene = foreignScene(target, contract, { seed, tries, resources });
    progress.begin(contract.name, 1, 1);
    const cells: Cell[] = [];
    const onCell = (cell: Cell) => {
      cells.push(cell);
      progress.step(`check ${cell.id}, ${cells.length} of ${checks.length}`);
    };
    try {
      await runChecks(scene, checks, { signal, onCell });
    } catch (error) {
      if (!signal.aborted) throw error;
    }
    progress.end(summaryOf(cells));
    await resources.close();
    return { cells, isStopped: signal.aborted };
  });
}

function errorCell({ id, title, source, expect }: Check, subject: Subject, why: string): Cell {
  const { outcome, because } = expect(subject);
  const { name: backend, affinity, balancer } = subject;
  const looked = { observed: 'error', surprise: true, evidence: why } as const;
  return { id, title, source, backend, affinity, balancer, expected: outcome, because, ...looked };
}

function titleOf({ name, affinity, balancer, servers }: Subject): string {
  return `${name}, ${servers} server${servers === 1 ? '' : 's'}, ${affinity}, ${balancer}`;
}

function summaryOf(cells: readonly Cell[]): string {
  if (cells.length === 0) return 'stopped';
  const surprises = cells.filter((cell) => cell.surprise);
  const ids = surprises.map(({ id }) => id).join(', ');
  return `${cells.length} checks, ${surprises.length === 0 ? 'no surprise' : `surprises in ${ids}`}`;
}
