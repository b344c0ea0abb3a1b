import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { expect, it } from 'vitest';
import { freePort } from '../../stores/free-port.ts';
import type { BalancerPlan } from './balancer.ts';
import { startLaunch } from './fixtures/processes.ts';
import { node, RELAY_ENTRY } from './node.ts';
import { PLAN_VARIABLE, parseRelayPlan } from './relay/plan.ts';

const PLAN: BalancerPlan = {
  host: '127.0.0.1',
  port: 8080,
  upstreams: [{ id: 's1', host: '127.0.0.1', port: 9001 }],
  affinity: 'sticky',
  directory: '/tmp/plan',
};

it('runs a bundle with plain node, and its source through tsx', () => {
  expect(node.launch('/tmp/relay.mjs', PLAN).args).toEqual(['--no-memory-reducer', '/tmp/relay.mjs']);
  expect(node.launch(RELAY_ENTRY, PLAN).args).toEqual([
    '--no-memory-reducer',
    '--import',
    expect.stringContaining('tsx'),
    RELAY_ENTRY,
  ]);
  expect(node.find()).toBe(RELAY_ENTRY);
});

it('hands its plan over in the environment, and reads it back', () => {
  const { directory: _, ...rest } = PLAN;
  expect(parseRelayPlan(node.launch('/tmp/relay.mjs', PLAN).env?.[PLAN_VARIABLE])).toEqual(rest);
});

it.each([undefined, '', '{', '{}', '[]', '{"host":"a b","port":1,"upstreams":[],"affinity":"sticky"}'])(
  'refuses the plan %j and says what it expected',
  (text) => {
    expect(() => parseRelayPlan(text)).toThrow(/expected a balancer plan as JSON in SESSION_BENCH_BALANCER/);
  },
);

it.each([
  ['SIGTERM', (child: ChildProcess) => void child.kill('SIGTERM')],
  ["its parent's going", (child: ChildProcess) => child.disconnect()],
])('leaves with exit code 0 at %s', async (_, end) => {
  const port = await freePort('127.0.0.1');
  const started = await startLaunch(node.launch(RELAY_ENTRY, { ...PLAN, port }), port);
  expect(started.port).toBe(port);
  const left = once(started.child, 'exit');
  end(started.child);
  expect(await left).toEqual([0, null]);
});

it('says what is wrong when its port is taken', async () => {
  const port = await freePort('127.0.0.1');
  const first = await startLaunch(node.launch(RELAY_ENTRY, { ...PLAN, port }), port);
  const second = startLaunch(node.launch(RELAY_ENTRY, { ...PLAN, port }), port);
  await expect(second).rejects.toMatchObject({ cause: { message: expect.stringContaining('EADDRINUSE') } });
  await first.stop();
});
