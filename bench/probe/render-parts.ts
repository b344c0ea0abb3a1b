import { achievedShare } from '../results/open-loop.ts';
import type { Row } from '../results/row.ts';
import { SCREEN_COLUMNS } from '../results/screen.ts';
import { drawTable, whole } from '../results/text.ts';
import { stageCellsOf } from './cells.ts';
import type { ProbeJob, ProbeResult } from './job.ts';
import { type Targets, targetAt } from './targets.ts';
import { stageFigures } from './validity.ts';

/** The tables of a probe: its stages, and the requests of its list. Pure. */

/** Requests of a list that are shown. */
const SHOWN = 10;
const PATH_COLUMNS = 40;
/** Of a file or a pipe as well. */
const COLUMNS = SCREEN_COLUMNS ?? 80;

/** Times from when a request was due, and so in the stage in which it was. Empty without stages. */
export function drawStages(job: ProbeJob, result: ProbeResult, color: boolean): string[] {
  const stages = job.load.model === 'stages' ? job.load.stages : [];
  if (stages.length === 0) return [];
  const lines = stageCellsOf(job, result).map((cells, index) => [
    String(cells.stage),
    `${Number((cells.duration_s ?? 0).toFixed(1))}`,
    cells.from_rps === cells.to_rps ? whole(cells.to_rps) : `${whole(cells.from_rps)}-${whole(cells.to_rps)}`,
    whole(cells.scheduled ?? 0),
    whole(cells.ok ?? 0),
    achieved(stages[index], result, index),
    ...(['lat_p50_us', 'lat_p90_us', 'lat_p99_us', 'lat_max_us'] as const).map((name) => time(cells[name])),
  ]);
  const headings = ['stage', 's', 'rate', 'due', 'ok', 'achieved', 'p50 ms', 'p90 ms', 'p99 ms', 'max ms'];
  const alignments = headings.map(() => 'right' as const);
  const table = drawTable(
    { headings, alignments, lines, dispensable: ['p90 ms', 's', 'ok'] },
    color,
    1,
    COLUMNS,
  );
  return ['', ...table.split('\n')];
}

/** As in the line of that name: what was left over at its end was not achieved. Unknown when it was stopped. */
function achieved(
  stage: Parameters<typeof stageFigures>[0] | undefined,
  { stages, isPartial }: ProbeResult,
  index: number,
): string {
  const own = stages?.[index];
  if (stage === undefined || own === undefined || own.all.scheduled === 0 || isPartial) return '';
  return `${(achievedShare(stageFigures(stage, own)) * 100).toFixed(1)} %`;
}

/** The requests with most failures, then the first of the list. */
export function drawList(
  job: ProbeJob,
  { targets: found }: ProbeResult,
  targets: Targets,
  color: boolean,
): string[] {
  if (found === undefined) return [];
  const lines = found.counts.slice(0, SHOWN).map((count) => {
    const { method, path } = targetAt(targets, count.index, job.method);
    const shown = path.length > PATH_COLUMNS ? `${path.slice(0, PATH_COLUMNS - 1)}…` : path;
    return [method, shown, whole(count.sent), whole(count.ok), whole(count.sent - count.ok)];
  });
  const headings = ['method', 'path', 'sent', 'ok', 'not ok'];
  const alignments = (['left', 'left', 'right', 'right', 'right'] as const).slice();
  const table = drawTable({ headings, alignments, lines }, color, 1, undefined);
  const more = `${whole(found.sent)} of ${whole(found.listed)} requests were sent, ${whole(found.failing)} failed at least once`;
  return ['', ...table.split('\n'), more];
}

function time(us: Row['lat_p50_us']): string {
  return us === undefined ? '' : milliseconds(us);
}

/** Three significant digits. */
export function milliseconds(us: number): string {
  const ms = us / 1000;
  return ms.toFixed(ms >= 100 ? 0 : ms >= 10 ? 1 : ms >= 1 ? 2 : 3);
}
