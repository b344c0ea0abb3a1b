import { quoted, usage } from './values.ts';

/** The offered load of an open loop: requests per second, or a share of the slowest arm's capacity. */
export type Rate = { perSecond: number } | { share: number };

/** The rate at equal load, as a share of the capacity of the slowest arm: so low that requests do not queue. */
export const EQUAL_LOAD_SHARE = 0.15;

/** `2000` and `2000/s` are requests per second, `50%` a share of the slowest arm's capacity. */
export function parseRate(text: string): Rate {
  const match = /^(\d+(?:\.\d+)?)(%|\/s)?$/.exec(text);
  const value = Number(match?.[1] ?? Number.NaN);
  if (match?.[2] === '%' && value > 0 && value <= 100) return { share: value / 100 };
  if (match !== null && match[2] !== '%' && value >= 1 && value <= 1_000_000) return { perSecond: value };
  throw usage(
    'requests per second, from 1 to 1000000, or a share of the capacity, up to 100%, for --rate',
    quoted(text),
    'Write for example --rate 2000 or --rate 50%.',
  );
}
