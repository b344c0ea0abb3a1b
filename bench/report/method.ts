import { redactUrl } from '../errors.ts';
import { armText } from '../results/groups.ts';
import type { Row } from '../results/row.ts';
import { counted, type Layout, whole } from '../results/text.ts';
import { type Html, html } from './html.ts';
import { tableMarkup } from './markup.ts';
import type { Run } from './parts.ts';
import { RULES } from './rules.ts';

/** How the figures of a page were measured: machine, versions, settings, rules, and blocks. */

export function methodMarkup(runs: readonly Run[]): Html {
  return html`<section aria-labelledby="method">
<h2 id="method">How it was measured</h2>
<p>The backends of a group ran side by side and were loaded by turns, in short slices. A block is one such set of fresh
processes, and the unit of every interval. docs/measurement.md says what is promised, what was seen, and what is not known.</p>
${runs.map(
  (run, index) => html`<h3 id="run-${index + 1}">Run ${run.id === '' ? 'without a name' : run.id}</h3>
${tableMarkup(`run ${run.id}`, runTable(run))}
${tableMarkup(`blocks of run ${run.id}`, blocksTable(run))}
`,
)}
<h3 id="rules">When a block is dropped</h3>
${tableMarkup('rules of validity', rulesTable())}
</section>
`;
}

/** The different values of a column, in the order of the rows. */
function valuesOf(rows: readonly Row[], of: (row: Row) => string | number | undefined): string {
  const values = rows.map(of).filter((value) => value !== undefined && value !== '');
  return [...new Set(values.map(String))].join(', ');
}

function runTable({ source, rows, startedAt }: Run): Layout {
  const { record } = source;
  const last = rows.at(-1)?.started_at ?? '';
  const dirty = rows.some((row) => row.git_dirty === true) ? ', with uncommitted changes' : '';
  const warmups = ['warm', 'unproven', 'cold'].flatMap((state) => {
    const count = rows.filter((row) => row.operation === 'all' && row.warmup_end === state).length;
    return count === 0 ? [] : [`${whole(count)} ${state}`];
  });
  const gigabytes = (bytes: number | undefined) =>
    bytes === undefined ? undefined : `${(bytes / 2 ** 30).toFixed(1)} GiB`;
  const named = (of: (row: Row) => string | undefined) =>
    valuesOf(rows, (row) => (of(row) === undefined ? undefined : `${armText(row)} ${of(row)}`));
  const lines: [string, string][] = [
    ['file', source.path],
    ['time, UTC', [startedAt, last].filter((text) => text !== '').join(' to ')],
    ['command', record?.command === undefined ? '' : `pnpm bench ${record.command.map(redactUrl).join(' ')}`],
    ['commit', `${valuesOf(rows, (row) => row.git_sha)}${dirty}`],
    [
      'machine',
      [valuesOf(rows, (row) => row.cpu_model), valuesOf(rows, (row) => row.host_id)]
        .filter((text) => text !== '')
        .join(', host '),
    ],
    ['processors', valuesOf(rows, (row) => row.cpu_count)],
    ['memory of the machine', valuesOf(rows, (row) => gigabytes(row.mem_bytes))],
    ['kernel', typeof record?.kernel === 'string' ? record.kernel : ''],
    ['Node', valuesOf(rows, (row) => row.node_version)],
    ['services', named((row) => row.store_version)],
    ['libraries', named((row) => row.library_versions)],
    [
      'balancer',
      valuesOf(rows, (row) =>
        row.balancer === undefined ? undefined : `${row.balancer} ${row.balancer_version ?? ''}`.trim(),
      ),
    ],
    [
      'sessions',
      valuesOf(rows, (row) => (row.sessions_live === undefined ? undefined : whole(row.sessions_live))),
    ],
    ['load generator', valuesOf(rows, (row) => row.generator_mode ?? 'sleeps between replies')],
    ['processors of each', valuesOf(rows, (row) => row.pinning ?? 'all may use all')],
    ['engine', valuesOf(rows, (row) => row.engine)],
    ['end of the warm-up', warmups.join(', ')],
    ['left out', (Array.isArray(record?.left_out) ? record.left_out : []).join('; ')],
  ];
  return {
    headings: ['', 'value'],
    alignments: ['left', 'left'],
    lines: lines.filter(([, text]) => text !== ''),
  };
}

function blocksTable({ parts }: Run): Layout {
  return {
    headings: ['group', 'blocks used', 'dropped'],
    alignments: ['left', 'right', 'right'],
    lines: parts.map(({ layout, blocks }) => [layout.title, String(blocks.usable), String(blocks.dropped)]),
  };
}

function rulesTable(): Layout {
  return {
    headings: ['rule', 'a block is dropped when', 'remedy'],
    alignments: ['left', 'left', 'left'],
    lines: RULES.map((rule) => [...rule]),
  };
}

/** Rows that a table of one page shows at most. */
const MOST_ROWS = 200;

/** What was not used, and why. */
export function invalidMarkup(runs: readonly Run[]): Html {
  const notes = runs.flatMap(({ parts }) => parts.flatMap(({ layout }) => layout.notes));
  const bad = runs.flatMap(({ rows }) =>
    rows
      .filter((row) => row.operation === 'all' || row.status !== 'ok')
      .filter((row) => row.status !== 'ok' || row.valid !== true),
  );
  const lines = bad
    .slice(0, MOST_ROWS)
    .map((row) => [
      row.block ?? '',
      armText(row),
      row.status === 'ok' ? 'invalid' : (row.status ?? ''),
      row.invalid_reason ?? 'no reason is given',
    ]);
  const rest =
    bad.length > MOST_ROWS
      ? html`<p>${counted(bad.length - MOST_ROWS, 'row')} more in the files.</p>`
      : undefined;
  const table = {
    headings: ['block', 'backend', 'status', 'why'],
    alignments: ['left', 'left', 'left', 'left'] as const,
    lines,
  };
  return html`<section aria-labelledby="invalid">
<h2 id="invalid">What is invalid, and why</h2>
${bad.length === 0 ? html`<p>Nothing: every row is valid.</p>` : html`<p>${counted(bad.length, 'row')} of trials must not be used. A block is dropped with all of its arms, whichever was faster.</p>${tableMarkup('rows that are not used', table)}${rest}`}
${notes.length === 0 ? undefined : html`<h3>Notes</h3><ul>${[...new Set(notes)].map((note) => html`<li>${note}</li>\n`)}</ul>`}
</section>
`;
}
