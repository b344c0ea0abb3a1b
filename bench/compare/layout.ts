import { type Layout, plain } from '../results/text.ts';
import type { Comparison } from './compare.ts';
import type { Verdict } from './decide.ts';
import type { Finding } from './finding.ts';
import {
  blocksText,
  cellNames,
  changeText,
  commitsText,
  medianText,
  methodText,
  pText,
  verdictText,
} from './format.ts';
import { unitOf } from './sample.ts';

/** A comparison as lines of text, independent of the format. */
export interface ComparisonLayout {
  /** How the files were compared, and the configuration that all cells share. */
  title: string;
  headings: readonly string[];
  lines: Line[];
  /** Footnotes; a line's `note` counts them from 1. */
  notes: string[];
}

interface Line {
  name: string;
  /** Metric, base, head, change, p, n; empty for a cell that could not be compared. */
  figures: string[];
  verdict: Verdict;
  /** The verdict in words. */
  verdictText: string;
  note: string;
}

/** Of the columns of a line. */
export const ALIGNMENTS: Layout['alignments'] = [
  'left',
  'left',
  ...Array<'right'>(5).fill('right'),
  'left',
  'left',
];

/** Headings that are left out on a narrow screen, the least important first. */
export const DISPENSABLE = ['n', 'p', 'head', 'base'];

/** How to read the columns; empty for two runs, which have neither interval nor p. */
export function legendOf({ paired, runs }: Comparison): string[] {
  if (!paired && runs === undefined) return [];
  const unit = unitOf({ method: paired ? 'paired' : 'runs' });
  return [
    `Δ is head against base, Hodges-Lehmann over ${unit}; ~ means that no difference is shown (p above 0.05); p is two-sided, not adjusted; the verdict is adjusted for all that decides.`,
  ];
}

/** Arranges a comparison like benchstat: a line for each metric of each cell. */
export function layOut(comparison: Comparison): ComparisonLayout {
  const { shared, nameOf } = cellNames(comparison.findings.map(({ configuration }) => configuration));
  const notes: string[] = [];
  const lines = comparison.findings.map((finding) => ({
    name: nameOf(finding.configuration),
    figures: figuresOf(finding),
    verdict: finding.verdict,
    verdictText: verdictText(finding),
    note: noteFor(finding, notes),
  }));
  return {
    title: [methodText(comparison), commitsText(comparison), shared].filter((part) => part !== '').join('; '),
    headings: ['cell', 'metric', 'base', 'head', 'Δ [95 %]', 'p', 'n', 'verdict', ''],
    lines,
    notes,
  };
}

function figuresOf({ metric, evidence }: Finding): string[] {
  if (metric === undefined || evidence === undefined) return ['', '', '', '', '', ''];
  return [
    metric.label,
    medianText(evidence.medians.base),
    medianText(evidence.medians.head),
    changeText(evidence),
    pText(evidence),
    blocksText(evidence),
  ];
}

/** The number of the footnote with a finding's reason, shared by equal reasons; empty without one. */
function noteFor({ reason }: Finding, notes: string[]): string {
  if (reason === undefined) return '';
  const text = plain(reason);
  if (!notes.includes(text)) notes.push(text);
  return `[${notes.indexOf(text) + 1}]`;
}
