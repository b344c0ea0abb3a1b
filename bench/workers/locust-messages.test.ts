import { describe, expect, test } from 'vitest';
import type { WorkerSecond } from './job.ts';
import { statsOf, usersIn } from './locust-messages.ts';

const second = (more: Partial<WorkerSecond> = {}): WorkerSecond => ({
  ...{ ok: 3, wrong: 1, bytes: 800, cpuPercent: 5 },
  times: [
    { us: 400, count: 2 },
    { us: 147_000, count: 1 },
  ],
  ...more,
});

describe('what is reported to Locust', () => {
  const report = statsOf('read', [second(), second()], 1_000.5, { Connection: 2 });

  test('has the sums of the seconds, and times of two digits under whole numbers', () => {
    expect(report).toMatchObject({
      user_classes_count: { Connection: 2 },
      user_count: 2,
      stats: [
        {
          ...{
            name: 'read',
            num_requests: 8,
            num_failures: 2,
            num_none_requests: 2,
            total_content_length: 1600,
          },
          ...{ min_response_time: 0.4, max_response_time: 147, last_request_timestamp: 1_000.5 },
          response_times: new Map([
            [0, 4],
            [150, 2],
          ]),
          num_reqs_per_sec: new Map([[1_000, 8]]),
          num_fail_per_sec: new Map([[1_000, 2]]),
        },
      ],
      stats_total: { name: 'Aggregated', num_requests: 8 },
      errors: { read: { occurrences: 2 } },
    });
  });

  test('is empty, and no error, when there was nothing', () => {
    expect(statsOf('read', [], 1_000, {})).toMatchObject({
      stats: [],
      stats_total: { num_requests: 0, min_response_time: null, last_request_timestamp: null },
      errors: {},
      user_count: 0,
    });
  });
});

test('users of several classes are added, and other messages have none', () => {
  expect(usersIn({ user_classes_count: { A: 2, B: 3 } })).toEqual({ counts: { A: 2, B: 3 }, total: 5 });
  for (const other of [undefined, null, {}, { user_classes_count: { A: 'x' } }, { user_classes_count: 3 }])
    expect(usersIn(other)).toBeUndefined();
});
