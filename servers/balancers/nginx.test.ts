import { describe, expect, it } from 'vitest';
import type { BalancerPlan } from './balancer.ts';
import { nginx, nginxConfig } from './nginx.ts';

const PLAN: BalancerPlan = {
  host: '127.0.0.1',
  port: 8080,
  upstreams: [
    { id: 's1', host: '127.0.0.1', port: 9001 },
    { id: 's2', host: '127.0.0.1', port: 9002 },
  ],
  affinity: 'sticky',
  directory: '/tmp/plan',
};

describe('nginxConfig', () => {
  it.each([
    ['stays in the foreground', 'daemon off;'],
    ['runs one worker', 'worker_processes 1;'],
    ['listens on the address of the plan', 'listen 127.0.0.1:8080 '],
    ['keeps connections to servers', 'proxy_set_header Connection "";'],
    ['hashes its own cookie, or a random key', '    "" $request_id;'],
    ['so that few move when a server dies', 'hash $affinity consistent;'],
    ['hands out the cookie', 'add_header Set-Cookie $new_affinity always;'],
    ['takes a large Set-Cookie', 'proxy_buffer_size 32k;'],
    ['refuses a body that the servers do not take', 'client_max_body_size 524288;'],
    ['takes a server out at the first failure', 'server 127.0.0.1:9002 max_fails=1 fail_timeout=1s;'],
  ])('%s', (_, line) => {
    expect(nginxConfig(PLAN, false)).toContain(line);
  });

  it('has neither hash nor cookie when affinity is round-robin', () => {
    expect(nginxConfig({ ...PLAN, affinity: 'round-robin' }, false)).not.toMatch(/hash|Set-Cookie|map /);
  });

  it('never sends a POST again that a server may have seen', () => {
    expect(nginxConfig(PLAN, false)).not.toMatch(/^\s*proxy_next_upstream .*non_idempotent/m);
  });

  it('writes nothing outside its directory', () => {
    const paths = nginxConfig(PLAN, false).match(/ \/\S+\/\S+/g) ?? [];
    expect(paths.length).toBeGreaterThan(6);
    expect(paths.filter((path) => !path.startsWith(' /tmp/plan/'))).toEqual([]);
  });

  it.each([
    [true, /^user root;$/m],
    [false, /^(?!.*user )/],
  ])('started by root: %s', (isRoot, expected) => {
    expect(nginxConfig(PLAN, isRoot)).toMatch(expected);
  });
});

it('keeps its first log in the directory too', () => {
  const launch = nginx.launch('/usr/sbin/nginx', PLAN);
  expect(launch.args).toEqual(['-p', '/tmp/plan', '-e', '/tmp/plan/error.log', '-c', '/tmp/plan/nginx.conf']);
});
