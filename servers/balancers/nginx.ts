/** nginx: one worker, keep-alive on both sides, affinity by hashing a cookie that it sets itself. */

import { join } from 'node:path';
import { AFFINITY_COOKIE, BODY_LIMIT_BYTES } from '../protocol.ts';
import { assertPlan, authority, type Balancer, type BalancerPlan, HSTS, TLS_GROUPS } from './balancer.ts';
import { findProgram, isOlder, programVersion } from './program.ts';

/** The first one with -e. */
const WITH_ERROR_LOG_FLAG = '1.19.5';

export const nginx: Balancer = {
  name: 'nginx',
  terminatesTls: true,
  // keepalive_requests and keepalive_timeout towards the servers.
  least: '1.15.3',
  find: () => findProgram('nginx'),
  version: (binary) => programVersion(binary, '-v', 'nginx/'),
  launch(binary, plan, version = WITH_ERROR_LOG_FLAG) {
    const path = join(plan.directory, 'nginx.conf');
    const isRoot = process.getuid?.() === 0;
    return {
      command: binary,
      // nginx opens its built-in log, which only root may write, before it reads the file: where it cannot be told
      // otherwise it says so, and goes on.
      args: [
        ...['-p', plan.directory],
        ...(isOlder(version, WITH_ERROR_LOG_FLAG) ? [] : ['-e', join(plan.directory, 'error.log')]),
        ...['-c', path],
      ],
      files: [{ path, text: nginxConfig(plan, isRoot) }],
      ready: 'tcp',
    };
  },
};

/**
 * The configuration file for a plan. `isRoot`: started by root, whose worker would otherwise become `nobody` and have
 * no access to the private directory. Throws a `RangeError` for a plan that cannot be expressed.
 */
export function nginxConfig(plan: BalancerPlan, isRoot: boolean): string {
  assertPlan(plan);
  const { tls } = plan;
  const sticky = plan.affinity === 'sticky';
  // In the server for its own refusals, and in the location, whose other headers would hide it.
  const hsts = tls === undefined ? '' : `add_header Strict-Transport-Security "${HSTS}" always;\n`;
  return `daemon off;
worker_processes 1;
worker_rlimit_nofile 8192;
pid "${plan.directory}/nginx.pid";
error_log "${plan.directory}/error.log" warn;
${isRoot ? 'user root;\n' : ''}
events {
  worker_connections 4096;
}

http {
  access_log off;
  server_tokens off;
  client_body_temp_path "${plan.directory}/client_body";
  proxy_temp_path "${plan.directory}/proxy";
  fastcgi_temp_path "${plan.directory}/fastcgi";
  uwsgi_temp_path "${plan.directory}/uwsgi";
  scgi_temp_path "${plan.directory}/scgi";

  keepalive_timeout 60s;
  keepalive_requests 1000000000;
  client_header_timeout 30s;
  client_body_timeout 30s;
  send_timeout 30s;
  # What the servers take: one that refuses a longer body while it is being sent looks to nginx like one that broke (502).
  client_max_body_size ${BODY_LIMIT_BYTES};
  # A head of 16 KB fits, as it does in Node; the defaults stop at 8 KB in and 4 KB out.
  client_header_buffer_size 4k;
  large_client_header_buffers 4 32k;

${sticky ? stickyMaps(tls !== undefined) : ''}  upstream servers {
${sticky ? '    hash $affinity consistent;\n' : ''}${serverLines(plan)}
    keepalive 1024;
    keepalive_requests 1000000000;
    keepalive_timeout 60s;
  }

${plainServer(plan)}  server {
    listen ${authority(plan.host, plan.port)}${tls === undefined ? '' : ' ssl'} backlog=4096;
${tls === undefined ? '' : `${tlsLines(tls.certificate)}    ${hsts}`}
    location / {
      proxy_pass http://servers;
      proxy_http_version 1.1;
      proxy_set_header Host $http_host;
      proxy_set_header Connection "";
      proxy_request_buffering off;
      proxy_buffer_size 32k;
      proxy_buffers 8 32k;
      proxy_max_temp_file_size 0;
      proxy_connect_timeout 1s;
      proxy_send_timeout 10s;
      proxy_read_timeout 10s;
      # Without non_idempotent, a POST that was sent is never sent again.
      proxy_next_upstream error;
      proxy_next_upstream_tries 3;
${sticky ? '      add_header Set-Cookie $new_affinity always;\n' : ''}${hsts === '' ? '' : `      ${hsts}`}    }
  }
}
`;
}

/** The key is the cookie's value or, for a new client, a random one that is also set. An empty header is not added. */
function stickyMaps(isSecure: boolean): string {
  const cookie = `$cookie_${AFFINITY_COOKIE}`;
  return `  map ${cookie} $affinity {
    "" $request_id;
    default ${cookie};
  }
  map ${cookie} $new_affinity {
    "" "${AFFINITY_COOKIE}=$request_id; Path=/; HttpOnly${isSecure ? '; Secure' : ''}";
    default "";
  }

`;
}

/** The suites are those of OpenSSL, of which the client's first is taken. Every connection is a full handshake. */
function tlsLines(certificate: string): string {
  // OpenSSL's names of curves.
  const curves = TLS_GROUPS.map((name) => (name === 'P-256' ? 'prime256v1' : name)).join(':');
  return `    ssl_certificate "${certificate}";
    ssl_certificate_key "${certificate}";
    ssl_protocols TLSv1.3;
    ssl_ecdh_curve ${curves};
    ssl_prefer_server_ciphers off;
    ssl_session_cache off;
    ssl_session_tickets off;
`;
}

/** 308 keeps method and body. The address is that of this edge, whatever name the request has. */
function plainServer({ host, port, tls }: BalancerPlan): string {
  if (tls?.plainPort === undefined) return '';
  return `  server {
    listen ${authority(host, tls.plainPort)} backlog=4096;
    return 308 https://${authority(host, port)}$request_uri;
  }

`;
}

function serverLines({ upstreams }: BalancerPlan): string {
  return upstreams
    .map(({ host, port }) => `    server ${authority(host, port)} max_fails=1 fail_timeout=1s;`)
    .join('\n');
}
