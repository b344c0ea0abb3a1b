import type { Traits } from '../../stores/traits.ts';
import { type Behaviour, behavioursOf } from '../results/behaviour.ts';
import { groupBy } from '../results/blocks.ts';
import { type Html, html } from './html.ts';
import { tableMarkup } from './markup.ts';
import type { Run } from './parts.ts';

/** What each backend can and cannot do, beside its speed: the traits of its definition, which the checks prove. */

type Answer = boolean | string;

const QUESTIONS: readonly [question: string, of: (traits: Traits, behaviour: Behaviour) => Answer][] = [
  [
    'a logout holds at once, on every server',
    ({ revocation, shared }) =>
      revocation === 'immediate' ? shared || 'on its own server' : REVOCATIONS[revocation],
  ],
  ['every server sees the same sessions', ({ shared }) => shared],
  ['sessions outlive a restart of the server', ({ survivesServerRestart }) => survivesServerRestart],
  ['they outlive a crash of the store', ({ survivesStoreCrash }) => survivesStoreCrash ?? 'no store'],
  ['reads go on while the store is down', (_, { readsWithoutStore }) => readsWithoutStore ?? 'no store'],
  ["an administrator lists and ends a user's logins", ({ userIndex }) => userIndex],
  ['no parallel update is lost', ({ compareAndSwap }) => compareAndSwap],
  ['the client cannot read the data', ({ clientReadable }) => !clientReadable],
  ['data may exceed a cookie of 4,096 bytes', ({ dataInToken }) => !dataInToken],
];

const REVOCATIONS: Readonly<Record<Exclude<Traits['revocation'], 'immediate'>, string>> = {
  bounded: 'within a bound',
  'at-refresh': '✗ when its access token is over',
  'at-expiry': '✗ when it expires',
  never: '✗ never',
};

const cellText = (answer: Answer) => (answer === true ? '✓ yes' : answer === false ? '✗ no' : answer);

/** The section with the traits of all arms that were measured; `undefined` where none are known. */
export function behaviourMarkup(runs: readonly Run[]): Html | undefined {
  const all = behavioursOf(runs.flatMap(({ rows }) => rows));
  const arms = groupBy(all, ({ name, traits }) => JSON.stringify([name, traits])).map(
    ([one]) => one as Behaviour,
  );
  if (arms.length === 0) return undefined;
  const layout = {
    headings: ['', ...arms.map(({ name }) => name)],
    alignments: ['left' as const, ...arms.map(() => 'left' as const)],
    lines: QUESTIONS.map(([question, of]) => [question, ...arms.map((arm) => cellText(of(arm.traits, arm)))]),
  };
  return html`<section aria-labelledby="behaviour">
<h2 id="behaviour">What each can and cannot do</h2>
<p>Speed is half of the answer. These are the traits that each backend declares, and <code>pnpm conformance</code> proves
over HTTP what it can and what it cannot do; docs/conformance.md has the whole matrix.</p>
${tableMarkup('traits of the backends on this page', layout)}
<h3>In words</h3>
<ul>${arms.map(({ name, limits }) => html`<li><strong>${name}</strong> ${limits.length === 0 ? 'has no limit that is known' : `cannot, or costs: ${limits.join('; ')}`}.</li>\n`)}</ul>
</section>
`;
}
