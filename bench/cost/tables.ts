import { fixed, shown } from '../results/shown.ts';
import { type Layout, whole } from '../results/text.ts';
import { costOf, type Use, type Volume } from './cost.ts';
import type { PriceList } from './prices.ts';

/** What arms take: CPU and traffic of a million requests, memory of a million live sessions. */
export function useTable(uses: readonly Use[]): Layout {
  return {
    headings: ['backend', 'CPU s/M\nrequests', 'GB out/M\nrequests', 'GB in/M\nrequests', 'GB/M\nsessions'],
    alignments: ['left', 'right', 'right', 'right', 'right'],
    lines: uses.map(({ name, cpuSeconds, sentGB, receivedGB, memoryGB }) => [
      name,
      shown(cpuSeconds.both, fixed(1)),
      shown(sentGB, fixed(3)),
      shown(receivedGB, fixed(3)),
      memoryGB.servers === undefined || memoryGB.service === undefined
        ? ''
        : fixed(3)(memoryGB.servers + memoryGB.service),
    ]),
  };
}

/** What that costs. Empty where a part is not known. */
export function costTable(uses: readonly Use[], prices: PriceList, volume: Volume): Layout {
  const { currency } = prices;
  const money = fixed(2);
  const headings = [
    'backend',
    `${currency}/M\nrequests`,
    `${currency}/M sess.\na month`,
    `service\n${currency}/month`,
    `${currency}/month\nin all`,
  ];
  return {
    headings,
    alignments: ['left', 'right', 'right', 'right', 'right'],
    lines: uses.map((use) => {
      const { millionRequests, millionSessions, service, total } = costOf(use, prices, volume);
      const cells = [shown(millionRequests, fixed(4)), shown(millionSessions, money)];
      return [use.name, ...cells, money(service), shown(total, money)];
    }),
  };
}

/** Above that table: of what the last column is. */
export function volumeText({ rate, sessions }: Volume): string {
  return `in all: ${whole(rate)} requests/s on average, ${whole(sessions)} live sessions`;
}
