/** What was done to a site under load. */
export interface FaultEvent {
  /** Such as `s1 killed`. */
  what: string;
  /** Whether it brought something back. */
  isMended: boolean;
  /** After the begin of the load: when a break began, or when what was mended was back. */
  atSeconds: number;
}

/** One second of one trial: a line of `NAME.series.jsonl`. Requests count in the second in which they were due. */
export interface SeriesRecord {
  /** From 0, since the load began. */
  second: number;
  /** ok + denied + wrong + refused + lost. */
  offered: number;
  ok: number;
  denied: number;
  wrong: number;
  refused: number;
  lost: number;
  /** Response times of the replies, microseconds; absent without any. */
  p50_us?: number | undefined;
  p95_us?: number | undefined;
  max_us?: number | undefined;
  /** What was done in it. */
  events?: readonly string[];
}
