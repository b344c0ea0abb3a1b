import { comparatorOf } from '../config/comparators.ts';
import { COMPARATORS_FOLDER, checkPackages } from '../environment/comparator-packages.ts';
import { servedModule } from '../environment/modules/served-module.ts';
import { openTogether } from '../environment/processes/resources.ts';
import { messageOf } from '../errors.ts';
import { durationText, type Progress } from '../progress.ts';
import { checksOf } from './catalogue.ts';
import type { Cell, Check, Subject } from './check.ts';
import type { ConformanceConfig } from './config.ts';
import { externalScene, lookAt } from './external-site.ts';
import { rehearseModules } from './rehearse-module.ts';
import { openRig, type Rig } from './rig.ts';
import { pacedMsOfAll, runChecks } from './run.ts';
import { openSite } from './site.ts';
import { subjectOf } from './subject.ts';

/** The result of a run of the checks. */
export interface ConformanceOutcome {
  cells: readonly Cell[];
  /** Whether it was stopped early. */
  isStopped: boolean;
}

/**
 * Runs the checks: configuration → backends, each behind each balancer → checks → cells. A backend that could not be
 * started is a column of errors, never a missing one. When the signal aborts, the columns so far are kept.
 * @throws BenchError when nothing could be started, a library lacks its packages, or a module of the user's has no store.
 */
export async function runConformance(
  config: ConformanceConfig,
  progress: Progress,
  signal: AbortSignal,
): Promise<ConformanceOutcome> {
  const checks = checksOf(config.only);
  if (config.external !== undefined) return checkExternal(config, config.external, checks, progress, signal);
  for (const choice of config.stores) {
    if (choice.module !== undefined) await servedModule(choice.module);
    else if (comparatorOf(choice) !== undefined) checkPackages(COMPARATORS_FOLDER);
  }
  const cells: Cell[] = [];
  const { balancers, stores, affinities, servers, durability } = config;
  const total = balancers.length * stores.length;
  let ordinal = 0;
  for (const balancer of balancers) {
    await openTogether(async (resources) => {
      const { tier, urls, tls, transport } = config;
      const rig = await openRig({ balancer, tls, tier, urls, signal }, resources);
      const place = { servers, durability, tls, transport, balancer: rig.balancer.balancer.name };
      if (ordinal === 0) await rehearseModules(stores, durability, rig);
      for (const choice of stores) {
        if (signal.aborted) break;
        ordinal += 1;
        const subjects = affinities.map((affinity) => subjectOf(choice, { ...place, affinity }));
        progress.begin(titleOf(subjects), ordinal, total);
        // In parallel: most of the time is waiting, for lifetimes to end and for killed processes to come back.
        const running = subjects.map((subject) => checkSubject(subject, rig, config, checks, progress));
        const columns = await Promise.all(running);
        cells.push(...columns.flat());
        progress.end(columns.map(summaryOf).join('; '));
      }
      await resources.close();
    });
  }
  return { cells, isStopped: signal.aborted };
}

async function checkSubject(
  subject: Subject,
  rig: Rig,
  { seed, tries }: ConformanceConfig,
  checks: readonly Check[],
  progress: Progress,
): Promise<Cell[]> {
  const done: Cell[] = [];
  const onCell = (cell: Cell) => {
    done.push(cell);
    progress.step(`${subject.affinity}: check ${cell.id}, ${done.length} of ${checks.length}`);
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

function checkExternal(
  { seed, tries }: ConformanceConfig,
  { target, contract }: NonNullable<ConformanceConfig['external']>,
  checks: readonly Check[],
  progress: Progress,
  signal: AbortSignal,
): Promise<ConformanceOutcome> {
  return openTogether(async (resources) => {
    const foreign = await lookAt(target, contract, signal);
    const scene = externalScene(target, { ...contract, foreign }, { seed, tries, resources });
    const pacedMs = pacedMsOfAll(checks, scene);
    if (pacedMs > 0) {
      const text = durationText(pacedMs);
      progress.say(`at ${contract.requestsPerSecond} requests per second the checks take up to ${text}`);
    }
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
  const error = { observed: 'error', surprise: true, evidence: why } as const;
  return { id, title, source, backend, affinity, balancer, expected: outcome, because, ...error };
}

/** For the places of one backend. */
function titleOf(subjects: readonly Subject[]): string {
  const [{ name, balancer, servers, tls } = { name: '', balancer: '', servers: 0, tls: false }] = subjects;
  const affinities = subjects.map(({ affinity }) => affinity).join(' and ');
  return `${name}, ${servers} server${servers === 1 ? '' : 's'}, ${affinities}, ${balancer}${tls ? ' with TLS' : ''}`;
}

function summaryOf(cells: readonly Cell[]): string {
  const [first] = cells;
  if (first === undefined) return 'stopped';
  const ids = cells.filter((cell) => cell.surprise).map(({ id }) => id);
  const asExpected = cells.every(({ found }) => found) ? 'as found' : 'all as expected';
  const found = ids.length === 0 ? asExpected : `unexpected: ${ids.join(', ')}`;
  return `${first.affinity} ${cells.length} checks, ${found}`;
}
