import { coresText, usesOf, verdictAt } from '../cost/cost.ts';
import type { PriceList } from '../cost/prices.ts';
import { costTable, useTable, volumeText } from '../cost/tables.ts';
import { type Behaviour, behavioursOf } from '../results/behaviour.ts';
import { usableRows } from '../results/blocks.ts';
import { cpuUs } from '../results/figures.ts';
import { fixed, overControl, shownCentre } from '../results/shown.ts';
import type { Layout } from '../results/text.ts';
import { whole } from '../results/text.ts';
import { nameOf } from './figures.ts';
import { type Html, html } from './html.ts';
import { tableMarkup } from './markup.ts';
import type { Part, Run } from './parts.ts';

/** The decision guide: what a chooser asks, in this order, and what the choices that are left cost. */

/** What a site may need, and whether an arm has it. */
export interface Need {
  question: string;
  need: string;
  fits: (behaviour: Behaviour) => boolean;
}

const whoChecks = 'Who checks the credential?';
const howSoon = 'How soon must a logout or a ban hold?';
const whatRuns = 'What runs already?';
const servers = 'How many servers, and may a deploy log people out?';
const outages = 'May users be refused while the store is down, may logins be lost when it crashes?';
const data = 'How many bytes, secret, written in parallel?';
const users = 'A list of devices, limits, logout by an administrator?';
const distance = 'How far is the store?';

export const NEEDS = {
  innerServices: {
    question: whoChecks,
    need: 'inner services, mobile or partners check it without asking',
    fits: ({ traits }) => traits.state === 'client',
  },
  atOnce: {
    question: howSoon,
    need: 'at once',
    fits: ({ traits }) => traits.revocation === 'immediate',
  },
  withinBound: {
    question: howSoon,
    need: 'within a bound that is shorter than the token lives',
    fits: ({ traits }) => ['immediate', 'bounded', 'at-refresh'].includes(traits.revocation),
  },
  atExpiry: {
    question: howSoon,
    need: 'when the token expires, which may be in 15 minutes',
    fits: ({ traits }) => traits.revocation !== 'never',
  },
  noService: { question: whatRuns, need: 'no service', fits: ({ service }) => service === undefined },
  severalServers: {
    question: servers,
    need: 'several, and any may answer',
    fits: ({ traits }) => traits.shared,
  },
  deploys: {
    question: servers,
    need: 'a deploy must log nobody out',
    fits: ({ traits }) => traits.survivesServerRestart,
  },
  storeDown: {
    question: outages,
    need: 'nobody may be refused while it is down',
    fits: ({ readsWithoutStore }) => readsWithoutStore !== false,
  },
  storeCrash: {
    question: outages,
    need: 'no login may be lost when it crashes',
    fits: ({ traits }) => traits.survivesStoreCrash !== false,
  },
  bytes: { question: data, need: 'more than 4,096 bytes', fits: ({ traits }) => !traits.dataInToken },
  secrecy: {
    question: data,
    need: 'the client must not read them',
    fits: ({ traits }) => !traits.clientReadable,
  },
  parallelWrites: {
    question: data,
    need: 'no parallel update may be lost',
    fits: ({ traits }) => traits.compareAndSwap,
  },
  userIndex: { question: users, need: 'yes', fits: ({ traits }) => traits.userIndex },
  farStore: {
    question: distance,
    need: 'its milliseconds may not be added to every request',
    fits: ({ service }) => service === undefined,
  },
} as const satisfies Readonly<Record<string, Need>>;

/** The arms that have all of these. A service that runs already, such as `PostgreSQL`, leaves those on it and those without. */
export function choicesFor(
  behaviours: readonly Behaviour[],
  needs: readonly (keyof typeof NEEDS)[],
  runsAlready?: string,
): string[] {
  return behaviours
    .filter((one) => runsAlready === undefined || one.service === undefined || one.service === runsAlready)
    .filter((one) => needs.every((need) => NEEDS[need].fits(one)))
    .map(({ name }) => name);
}

/** Requests per second of the costs of a page, from a small site to one that few have. */
const RATES = [10, 100, 1_000, 10_000];
/** Of the money that a page shows. */
const VOLUME = { rate: 100, sessions: 100_000 };

/** What a page says of money. */
export interface Prices {
  /** Of one core for a month, in the reader's currency. */
  core: number | undefined;
  /** Requests per second at the peak, instead of {@link RATES}. */
  rate: number | undefined;
  /** The reader's prices by the hour, GB and service. */
  list?: PriceList | undefined;
}

/** The section of the guide; `undefined` where fewer than two arms have both figures and traits. */
export function guideMarkup(runs: readonly Run[], prices: Prices): Html | undefined {
  const part = costedPart(runs);
  if (part === undefined) return undefined;
  const arms = armsOf(part);
  return html`<section aria-labelledby="guide">
<h2 id="guide">Which to choose</h2>
<p>Go through the questions in their order. Cross out each backend that has a ✗ in a line that applies to you. What is
left differs in cost only, which the second table has.</p>
${tableMarkup('what each choice gives up', needsTable(arms.map(({ behaviour }) => behaviour)))}
<p>Last: your peak of requests per second. A core is one processor, full. The costs are of: ${part.layout.title}. Which framework? The
figures are of Fastify with the stores of this project; what a library adds is measured by <code>--store comparators</code>.</p>
${tableMarkup(`cores for ${prices.core === undefined ? 'the sessions' : 'the sessions, and their price a month'}`, coresTable(arms, prices))}
<ul>${ratesOf(prices).map(
    (rate) =>
      html`<li>${verdictAt(
        arms.map((arm) => coresOf(arm, rate)),
        rate,
      )}</li>\n`,
  )}</ul>
${moneyMarkup(part, prices)}</section>
`;
}

/** What requests and live sessions cost at the reader's prices; nothing without them. */
function moneyMarkup({ rows }: Part, { list }: Prices): Html | undefined {
  if (list === undefined) return undefined;
  const uses = usesOf(rows);
  const caption = `your prices: ${volumeText(VOLUME)}`;
  return html`<p>At your prices, with the endpoint itself, which <code>none</code> shows alone; <code>pnpm bench cost</code> takes other
volumes:</p>
${tableMarkup('what requests and live sessions take', useTable(uses))}
${tableMarkup(caption, costTable(uses, list, VOLUME))}
`;
}

interface CostedArm {
  behaviour: Behaviour;
  /** µs of CPU per request: net of the control if it was measured, else all of it. */
  us: number;
}

/** The first part at equal load whose arms can be compared by cost, else the first of any load. */
function costedPart(runs: readonly Run[]): Part | undefined {
  const parts = runs.flatMap((run) => run.parts).filter((part) => armsOf(part).length > 1);
  return parts.find(({ axes }) => axes.pass === 'equal-load') ?? parts[0];
}

function armsOf(part: Part): CostedArm[] {
  const usable = usableRows(part.rows);
  const known = part.arms.filter(({ isUsable }) => isUsable);
  const hasNet = known.some((arm) => overControl(arm.rows, usable) !== undefined);
  return known.flatMap((arm) => {
    const us = (hasNet ? overControl(arm.rows, usable) : shownCentre(arm.rows, cpuUs))?.value;
    const behaviour = behavioursOf(arm.rows)[0];
    return us === undefined || behaviour === undefined || nameOf(arm) !== behaviour.name
      ? []
      : [{ behaviour, us }];
  });
}

function needsTable(behaviours: readonly Behaviour[]): Layout {
  const needs: readonly Need[] = Object.values(NEEDS);
  const services = [...new Set(behaviours.flatMap(({ service }) => service ?? []))];
  const ofServices = services.map(
    (name): Need => ({
      question: whatRuns,
      need: `${name} alone`,
      fits: ({ service }) => service === undefined || service === name,
    }),
  );
  const at = needs.findLastIndex(({ question }) => question === whatRuns) + 1;
  const all = [...needs.slice(0, at), ...ofServices, ...needs.slice(at)];
  return {
    headings: ['question', 'if the answer is', ...behaviours.map(({ name }) => name)],
    alignments: ['left', 'left', ...behaviours.map(() => 'left' as const)],
    lines: all.map(({ question, need, fits }, index) => [
      all[index - 1]?.question === question ? '' : question,
      need,
      ...behaviours.map((one) => (fits(one) ? '✓' : '✗')),
    ]),
  };
}

const ratesOf = ({ rate }: Prices) => (rate === undefined ? RATES : [rate]);
/** Below zero it is the noise of a session that costs nothing. */
const coresOf = ({ us }: CostedArm, rate: number) => Math.max(0, us * rate) / 1e6;

function coresTable(arms: readonly CostedArm[], prices: Prices): Layout {
  const rates = ratesOf(prices);
  return {
    headings: ['backend', 'µs a request', ...rates.map((rate) => `at ${whole(rate)}/s`)],
    alignments: ['left', 'right', ...rates.map(() => 'right' as const)],
    lines: arms.map((arm) => [
      arm.behaviour.name,
      fixed(1)(arm.us),
      ...rates.map((rate) => {
        const cores = coresOf(arm, rate);
        return prices.core === undefined
          ? coresText(cores)
          : `${coresText(cores)}: ${fixed(2)(cores * prices.core)}`;
      }),
    ]),
  };
}
