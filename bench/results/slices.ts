/** One slice of one arm, for those who study the instrument: a line of `NAME.slices.jsonl`. Times in microseconds. */
export interface SliceRecord {
  phase: 'warm-up' | 'measured';
  /** Ordinal of the round, from 1 in each phase. */
  round: number;
  /** Place within the round, from 0. */
  place: number;
  arm: string;
  side?: 'base' | 'head';
  /** Identifies the arm within its block, as in the CSV. */
  order_index: number;
  /** The `order_index` of the arm whose slice came before; absent for the first. */
  after?: number;
  scheduled: number;
  completed: number;
  seconds: number;
  /** Service times, or in an open loop response times; absent where they are not kept, p99 below 1,000 replies. */
  p50_us?: number | undefined;
  p95_us?: number | undefined;
  p99_us?: number | undefined;
  /** CPU from the slice's start to the arm's next turn; absent where there is none, or it cannot be read. */
  cpu_us_server: number | undefined;
  cpu_us_balancer: number | undefined;
  cpu_us_store: number | undefined;
  cpu_us_generator: number;
}
