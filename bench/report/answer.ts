import { rankRows } from '../ranking/ranking.ts';
import { behavioursOf } from '../results/behaviour.ts';
import { outcomeSentences } from '../results/words.ts';
import { type Html, html } from './html.ts';
import type { Run } from './parts.ts';

/** The answer of a page: its first three sentences, and the rest of what is said in words. */
export interface Answer {
  sentences: string[];
  /** Further sentences of the ranking. */
  others: string[];
  /** The method; what is not ranked and why. */
  remarks: string[];
}

const SENTENCES = 3;

/** The sentences of the ranking, then prices, then what the first arm cannot do. Of several runs each says which. */
export function answerOf(runs: readonly Run[]): Answer {
  const nameOf = (run: Run) => (runs.length === 1 ? '' : `${runTitle(run)}: `);
  const ofRuns = (of: (run: Run) => readonly string[]) =>
    runs.flatMap((run) => of(run).map((text) => nameOf(run) + text));
  const ranked = ofRuns(({ ranking }) => ranking.sentences);
  const all = [...ranked, ...ofRuns(({ rows }) => outcomeSentences(rows)), ...caveats(runs)];
  const remarks = ofRuns(({ ranking }) => ranking.remarks);
  if (ranked.length > 0) return { sentences: all.slice(0, SENTENCES), others: all.slice(SENTENCES), remarks };
  // Nothing is ranked: why not is the answer.
  const first = [...remarks, ...all].slice(0, SENTENCES);
  return { sentences: first, others: [...remarks, ...all].slice(SENTENCES), remarks: [] };
}

/** A run among others on a page. */
export function runTitle({ source, startedAt }: Pick<Run, 'source' | 'startedAt'>): string {
  const file = source.path.split('/').at(-1) ?? source.path;
  return startedAt === '' ? file : `${file}, ${startedAt.slice(0, 16).replace('T', ' ')} UTC`;
}

/** What the arm cannot do that is first by the first figure: speed alone is misleading. */
function caveats(runs: readonly Run[]): string[] {
  for (const { rows } of runs) {
    const figure = rankRows(rows).flatMap(({ figures }) => figures)[0];
    const first = figure?.arms[0]?.name;
    const limits = behavioursOf(rows).find(({ name }) => name === first)?.limits ?? [];
    if (figure !== undefined && limits.length > 0)
      return [`What ${first}, the first by ${figure.figure.what}, cannot do: ${limits.join('; ')}.`];
  }
  return [];
}

/** The section at the top of a page. */
export function answerMarkup(runs: readonly Run[]): Html {
  const { sentences, others, remarks } = answerOf(runs);
  const more = [...others, ...remarks];
  return html`<section class="answer" aria-labelledby="answer">
<h2 id="answer">The answer</h2>
<ol>${sentences.map((sentence) => html`<li>${clauses(sentence)}</li>\n`)}</ol>
${more.length === 0 ? undefined : html`<details><summary>The rest, and how it was ranked</summary>${more.map((text) => html`<p>${text}</p>\n`)}</details>`}
</section>
`;
}

/** A sentence with a line for each of its comparisons; as text it stays what the ranking says. */
function clauses(sentence: string): Html {
  const [head = '', ...rest] = sentence.split(/(?<=: )(?=\S+ [\d.]+×)|(?<=; )/);
  return html`${head}${rest.map((clause) => html`<span class="clause">${clause}</span>`)}`;
}
