import { describe, expect, it } from 'vitest';
import type { BalancerPlan } from './balancer.ts';
import { haproxy, haproxyConfig } from './haproxy.ts';

const PLAN: BalancerPlan = {
  host: '127.0.0.1',
  port: 8080,
  upstreams: [
    { id: 's1', host: '127.0.0.1', port: 9001 },
    { id: 's2', host: '::1', port: 9002 },
  ],
  affinity: 'sticky',
  directory: '/tmp/plan',
};

describe('haproxyConfig', () => {
  it.each([
    ['listens on the address of the plan', 'bind 127.0.0.1:8080'],
    ['runs one thread', 'nbthread 1'],
    ['keeps connections to servers', 'http-reuse always'],
    ['leaves a dead server in spite of the cookie', 'option redispatch 1'],
    ['hands out its own cookie', 'cookie lb insert indirect nocache httponly'],
    ['names each server in it', 'server s1 127.0.0.1:9001 cookie s1'],
    ['writes IPv6 in brackets', 'server s2 [::1]:9002 cookie s2'],
    ['asks for health', 'http-check send meth GET uri /healthz'],
    ['takes a server out at the first failed connection', 'observe layer4 error-limit 1 on-error mark-down'],
  ])('%s', (_, line) => {
    expect(haproxyConfig(PLAN)).toContain(line);
  });

  it('has no cookie when affinity is round-robin', () => {
    const text = haproxyConfig({ ...PLAN, affinity: 'round-robin' });
    expect(text).not.toContain('cookie');
    expect(text).toContain('balance roundrobin');
  });

  it('never sends a request again that a server may have seen', () => {
    expect(haproxyConfig(PLAN)).not.toMatch(/^\s*retry-on/m);
  });

  it.each([
    ['no upstream', { upstreams: [] }],
    ['an id of two words', { upstreams: [{ id: 's1 backup', host: 'a', port: 1 }] }],
    ['an id twice', { upstreams: [...PLAN.upstreams, ...PLAN.upstreams] }],
    ['a host with a line break', { upstreams: [{ id: 's1', host: 'a\nb', port: 1 }] }],
    ['a port out of range', { port: 70_000 }],
    ['a directory with a quote', { directory: '/tmp/"x' }],
  ])('refuses %s', (_, change) => {
    expect(() => haproxyConfig({ ...PLAN, ...change })).toThrow(RangeError);
  });
});

it('writes one file and runs in the foreground', () => {
  const launch = haproxy.launch('/usr/sbin/haproxy', PLAN);
  expect(launch.args).toEqual(['-db', '-f', '/tmp/plan/haproxy.cfg']);
  expect(launch.files.map(({ path }) => path)).toEqual(['/tmp/plan/haproxy.cfg']);
  expect(launch.ready).toBe('tcp');
});

describe('with TLS', () => {
  const tls = { certificate: '/tmp/run/edge.pem', plainPort: 8081 };
  const text = haproxyConfig({ ...PLAN, tls });

  it.each([
    [
      'speaks TLS 1.3 and HTTP/1.1 alone',
      'bind 127.0.0.1:8080 ssl crt "/tmp/run/edge.pem" alpn http/1.1 ssl-min-ver TLSv1.3',
    ],
    ['exchanges keys as the column says', 'curves X25519:P-256'],
    ['keeps no sessions', 'tune.ssl.cachesize 0'],
    ['hands out its cookie for TLS alone', 'cookie lb insert indirect nocache httponly secure'],
    ['redirects plain HTTP', 'http-request redirect code 308 location https://127.0.0.1:8080%[pathq]'],
  ])('%s', (_, line) => {
    expect(text).toContain(line);
  });

  it('opens no port for plain HTTP unless it is to redirect', () => {
    const only = haproxyConfig({ ...PLAN, tls: { certificate: tls.certificate } });
    expect(only).not.toContain('308');
    expect(only).toContain('Strict-Transport-Security');
  });

  it('has nothing of it without', () => {
    expect(haproxyConfig(PLAN)).not.toMatch(/ssl|308|Strict-Transport/);
  });

  it.each([{ certificate: '/tmp/a"b.pem' }, { certificate: '/tmp/a.pem', plainPort: 0 }])(
    'refuses %j',
    (wrong) => {
      expect(() => haproxyConfig({ ...PLAN, tls: wrong })).toThrow(RangeError);
    },
  );
});
