/** The rules of validity as docs/measurement.md has them: number, when a block is dropped, remedy. A test compares the two. */
export const RULES: readonly (readonly [rule: string, when: string, remedy: string])[] = [
  [
    '1',
    "any reply was wrong or missing that the backend's traits do not predict; the body is checked, not the status alone",
    'find the cause by --verbose',
  ],
  [
    '2',
    'open loop: under 98 % of the rate achieved, a backlog still rising, or lateness of sending p99 above 10 % of the reported p99',
    '--pin (the default with --rate), or a lower rate',
  ],
  [
    '3',
    'open loop: the generator does not reach 1.3 × the rate against a server that does nothing, or the balancer is full',
    'a lower rate',
  ],
  [
    '4',
    'steal above 5 %, work of others above 25 % of the machine, or throttling that differs between arms by over 1 point',
    'end other work; a machine or a quota of your own',
  ],
  ['5', 'the warm-up ended with a trend', 'a longer --warmup'],
  [
    '7',
    'equal load: achieved rates that differ by over 0.5 % between arms, requests sent together by over 2 %, or a utilisation above 60 %',
    'a lower --rate',
  ],
  [
    '6',
    '(a cell, not a block) p99 is empty below 1,000 samples, p99.9 below 10,000, 5,000 if arrivals are constant',
    'a longer --duration',
  ],
];
