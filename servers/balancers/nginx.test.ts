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
    const paths = nginxConfig(PLAN, false).match(/ "?\/[^\s"]+\/[^\s"]+/g) ?? [];
    expect(paths.length).toBeGreaterThan(6);
    expect(paths.filter((path) => !path.startsWith(' "/tmp/plan/'))).toEqual([]);
  });

  it.each([
    [true, /^user root;$/m],
    [false, /^(?!.*user )/],
  ])('started by root: %s', (isRoot, expected) => {
    expect(nginxConfig(PLAN, isRoot)).toMatch(expected);
  });
});

it('before 1.19.5 is not told where its first log is, for it has no -e', () => {
  for (const version of ['1.15.3', '1.18.0', '1.19.4'])
    expect(nginx.launch('/usr/sbin/nginx', PLAN, version).args).toEqual([
      ...['-p', '/tmp/plan', '-c', '/tmp/plan/nginx.conf'],
    ]);
  for (const version of ['1.19.5', '1.22.1', '1.20', '2.0.0'])
    expect(nginx.launch('/usr/sbin/nginx', PLAN, version).args).toContain('-e');
});

it('keeps its first log in the directory too', () => {
  const launch = nginx.launch('/usr/sbin/nginx', PLAN);
  expect(launch.args).toEqual(['-p', '/tmp/plan', '-e', '/tmp/plan/error.log', '-c', '/tmp/plan/nginx.conf']);
});

describe('with TLS', () => {
  const tls = { certificate: '/tmp/run/edge.pem', plainPort: 8081 };
  const text = nginxConfig({ ...PLAN, tls }, false);

  it.each([
    ['speaks TLS', 'listen 127.0.0.1:8080 ssl '],
    ['speaks TLS 1.3 alone', 'ssl_protocols TLSv1.3;'],
    ['exchanges keys as the column says', 'ssl_ecdh_curve X25519:prime256v1;'],
    ['keeps no sessions', 'ssl_session_cache off;'],
    ['hands out its cookie for TLS alone', 'Path=/; HttpOnly; Secure"'],
    ['redirects plain HTTP', 'return 308 https://127.0.0.1:8080$request_uri;'],
  ])('%s', (_, line) => {
    expect(text).toContain(line);
  });

  it('opens no port for plain HTTP unless it is to redirect', () => {
    const only = nginxConfig({ ...PLAN, tls: { certificate: tls.certificate } }, false);
    expect(only).not.toContain('308');
    expect(only).toContain('Strict-Transport-Security');
  });

  it('has nothing of it without', () => {
    expect(nginxConfig(PLAN, false)).not.toMatch(/ssl|308|Strict-Transport/);
  });

  it.each([{ certificate: '/tmp/a"b.pem' }, { certificate: '/tmp/a.pem', plainPort: 0 }])(
    'refuses %j',
    (wrong) => {
      expect(() => nginxConfig({ ...PLAN, tls: wrong }, false)).toThrow(RangeError);
    },
  );
});
