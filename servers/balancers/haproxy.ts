/** HAProxy: one thread, keep-alive on both sides, affinity by a cookie that it inserts itself. */

import { join } from 'node:path';
import { AFFINITY_COOKIE } from '../protocol.ts';
import {
  assertPlan,
  authority,
  type Balancer,
  type BalancerPlan,
  HSTS,
  TLS_GROUPS,
  type Upstream,
} from './balancer.ts';
import { findProgram, programVersion } from './program.ts';

export const haproxy: Balancer = {
  name: 'haproxy',
  terminatesTls: true,
  // http-check send.
  least: '2.2',
  find: () => findProgram('haproxy'),
  version: (binary) => programVersion(binary, '-v'),
  launch(binary, plan) {
    const path = join(plan.directory, 'haproxy.cfg');
    return {
      command: binary,
      // -db: in the foreground, as one process, regardless of the file.
      args: ['-db', '-f', path],
      files: [{ path, text: haproxyConfig(plan) }],
      ready: 'tcp',
    };
  },
};

/** The configuration file for a plan. Throws a `RangeError` for a plan that cannot be expressed. */
export function haproxyConfig(plan: BalancerPlan): string {
  assertPlan(plan);
  const { tls } = plan;
  const sticky = plan.affinity === 'sticky';
  const secure = tls === undefined ? '' : ' secure';
  return `global
  nbthread 1
  maxconn 4096
  # A head of 16 KB fits, as it does in Node; the default of 16 KB less its reserve does not.
  tune.bufsize 32768
  tune.maxrewrite 1024
${tls === undefined ? '' : '  # No session of TLS is kept: every connection is a full handshake.\n  tune.ssl.cachesize 0\n'}
defaults
  mode http
  option http-keep-alive
  http-reuse always
  timeout connect 1s
  timeout server 10s
  timeout client 30s
  timeout http-request 30s
  timeout http-keep-alive 60s
  timeout queue 5s
  timeout check 2s
  # Another server is tried when the connection failed, and only then: nothing was sent, so nothing is sent
  # twice. (retry-on empty-response, which keeps a copy of each request, made one a tenth dearer.)
  retries 2
  option redispatch 1

frontend public
  bind ${authority(plan.host, plan.port)}${tls === undefined ? '' : tlsWords(tls.certificate)}
${tls === undefined ? '' : `  http-after-response set-header Strict-Transport-Security "${HSTS}"\n`}  default_backend servers
${plainFrontend(plan)}
backend servers
  balance roundrobin
${sticky ? `  cookie ${AFFINITY_COOKIE} insert indirect nocache httponly${secure}\n` : ''}  option httpchk
  http-check send meth GET uri /healthz ver HTTP/1.1 hdr Host healthz hdr Connection close
  default-server check inter 500ms fall 2 rise 1 observe layer4 error-limit 1 on-error mark-down
${plan.upstreams.map((upstream) => serverLine(upstream, sticky)).join('\n')}
`;
}

/** The suites are those of OpenSSL, of which the client's first is taken. */
function tlsWords(certificate: string): string {
  const curves = TLS_GROUPS.join(':');
  return ` ssl crt "${certificate}" alpn http/1.1 ssl-min-ver TLSv1.3 curves ${curves} no-tls-tickets prefer-client-ciphers`;
}

/** 308 keeps method and body. The address is that of this edge, whatever name the request has. */
function plainFrontend({ host, port, tls }: BalancerPlan): string {
  if (tls?.plainPort === undefined) return '';
  return `
frontend plain
  bind ${authority(host, tls.plainPort)}
  http-request redirect code 308 location https://${authority(host, port)}%[pathq]
`;
}

function serverLine({ id, host, port }: Upstream, sticky: boolean): string {
  return `  server ${id} ${authority(host, port)}${sticky ? ` cookie ${id}` : ''}`;
}
