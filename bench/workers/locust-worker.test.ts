import { afterEach, describe, expect, test } from 'vitest';
import type { LocustListener } from './locust-messages.ts';
import { joinLocust, type LocustWorker } from './locust-worker.ts';

/** What a worker says to what it is told; a real master is in locust.system.test.ts. */

let worker: LocustWorker | undefined;
afterEach(() => worker?.close());

function join(users = 4) {
  const sent: [string, unknown][] = [];
  const orders: string[] = [];
  let listener: LocustListener | undefined;
  const module = {
    connectLocust(_address: unknown, _id: string, given: LocustListener) {
      listener = given;
      return {
        send: (type: string, data?: unknown) => void sent.push([type, data]),
        close: () => Promise.resolve(),
      };
    },
  };
  worker = joinLocust(
    module,
    { host: 'master', port: 5557 },
    { name: 'read', users },
    {
      onStart: () => orders.push('start'),
      onStop: () => orders.push('stop'),
      onStep: (text) => orders.push(text),
      onFailed: (error) => orders.push(error.message),
    },
  );
  let timestamp = 0;
  const hear = (type: string, data: unknown = null) => listener?.onMessage(type, data);
  const spawn = (count: number, at = timestamp + 1) => {
    timestamp = at;
    hear('spawn', { timestamp: at, user_classes_count: { Connection: count } });
  };
  return {
    sent,
    orders,
    hear,
    spawn,
    lose: () => listener?.onLost('the end'),
    types: () => sent.map(([type]) => type),
  };
}

describe('a worker of Locust', () => {
  test('comes without a version, and starts once all its users are there', () => {
    const { sent, orders, hear, spawn, types } = join();
    expect(sent).toEqual([['client_ready', -1]]);
    hear('ack', { index: 0 });
    spawn(2);
    expect(orders.at(-1)).toContain('has 2 of 4 users');
    expect(orders).not.toContain('start');
    spawn(4);
    expect(orders.filter((order) => order === 'start')).toHaveLength(1);
    expect(types()).toEqual([
      'client_ready',
      'spawning',
      'spawning_complete',
      'spawning',
      'spawning_complete',
    ]);
    expect(sent.at(-1)?.[1]).toEqual({ user_classes_count: { Connection: 4 }, user_count: 4 });
  });

  test('ignores a spawn message that was overtaken', () => {
    const { orders, hear, spawn } = join();
    hear('ack');
    spawn(4, 10);
    spawn(2, 9);
    expect(orders.at(-1)).toBe('start');
  });

  test('refuses more users than it has connections, and another number under load', () => {
    const more = join();
    more.spawn(5);
    expect(more.orders.at(-1)).toMatch(
      /^CONFLICT: expected 4 users for each worker .* got 5\. Start Locust with -u/,
    );
    const other = join();
    other.spawn(4);
    other.spawn(3);
    expect(other.orders.at(-1)).toMatch(/^CONFLICT: expected 4 users until the end of the load, got 3/);
  });

  test('stops and comes back, or quits', async () => {
    const { orders, hear, spawn, types, lose } = join();
    hear('ack');
    spawn(4);
    hear('stop');
    expect(orders.at(-1)).toBe('stop');
    expect(types().slice(-2)).toEqual(['client_stopped', 'client_ready']);
    hear('quit');
    expect(types().at(-1)).toBe('stats');
    lose();
    // A master that has said so may end.
    expect(orders.at(-1)).toBe('stop');
  });

  test('a master that is lost is a failure; who leaves says so', async () => {
    const lost = join();
    lost.hear('ack');
    lost.lose();
    expect(lost.orders.at(-1)).toMatch(
      /^SERVICE_UNREACHABLE: expected the Locust master at master:5557 until the end/,
    );
    const { hear, types } = join();
    hear('ack');
    await worker?.close();
    expect(types().slice(-2)).toEqual(['stats', 'quit']);
  });
});
