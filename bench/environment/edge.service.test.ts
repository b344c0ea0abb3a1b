import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { request as plainRequest } from 'node:http';
import { Agent, type RequestOptions, request } from 'node:https';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Balancer } from '../../servers/balancers/balancer.ts';
import { type Started, startUpstream } from '../../servers/balancers/fixtures/processes.ts';
import { haproxy } from '../../servers/balancers/haproxy.ts';
import { nginx } from '../../servers/balancers/nginx.ts';
import { type RunningBalancer, startBalancer } from './balancer.ts';
import { type Certificates, createCertificates } from './certificates.ts';
import { EDGE_TLS, negotiated, openEdge } from './edge.ts';
import { type Guard, openGuard } from './processes/guard.ts';
import { isRunning } from './processes/process-identity.ts';
import { createResources } from './processes/resources.ts';

const resources = createResources();
let guard: Guard;
let certificates: Certificates;
let upstream: Started & { upstream: { id: string; host: string; port: number } };
let directory: string;

beforeAll(async () => {
  guard = await openGuard();
  resources.add('guard', guard.close);
  certificates = await openEdge(guard, resources);
  upstream = await startUpstream('s1');
  resources.add('upstream', upstream.stop);
  const home = guard.createDirectory('edge-test');
  resources.add('directory', home.remove);
  // As a folder for temporary files may be called.
  directory = join(home.path, 'a space; {b} #c');
  mkdirSync(directory);
});
afterAll(() => resources.close());

function start(
  balancer: Balancer,
  affinity: 'sticky' | 'round-robin' = 'sticky',
  trusted = certificates,
): Promise<RunningBalancer> {
  const binary = balancer.find();
  if (binary === undefined) throw new Error(`expected ${balancer.name}; run: sh scripts/setup.sh`);
  const chosen = { balancer, binary, version: '' };
  const signal = new AbortController().signal;
  const upstreams = [upstream.upstream];
  const certificate = join(directory, 'edge.pem');
  copyFileSync(trusted.certificate, certificate);
  const own = { ...trusted, certificate };
  return startBalancer({
    ...{ chosen, upstreams, affinity, directory, certificates: own, redirects: true, guard, signal },
  });
}

/** Status and headers of one reply. */
function ask(url: string, options: RequestOptions = {}) {
  const { ca } = certificates;
  const send = url.startsWith('https:')
    ? request(url, { agent: new Agent({ maxCachedSessions: 0 }), ca, ...options })
    : plainRequest(url, { agent: false, ...options } as object);
  send.end();
  return once(send, 'response').then(([reply]) => {
    reply.resume();
    return reply as { statusCode: number; headers: Record<string, string | undefined> };
  });
}

describe('the certificates of a run', () => {
  test('are signed by its authority, for the loopback alone', () => {
    const authority = new X509Certificate(certificates.ca);
    const leaf = new X509Certificate(readFileSync(certificates.certificate));
    expect(leaf.verify(authority.publicKey)).toBe(true);
    expect([authority.ca, leaf.ca]).toEqual([true, false]);
    expect(leaf.checkIP('127.0.0.1')).toBe('127.0.0.1');
    expect(leaf.checkHost('localhost')).toBe('localhost');
    expect(leaf.checkHost('shop.example')).toBeUndefined();
  });

  test("are the owner's alone, and the key of the authority is not kept", () => {
    const home = dirname(certificates.certificate);
    const files = readdirSync(home);
    expect(files.sort()).toEqual(['ca.pem', 'edge.pem']);
    for (const name of files) expect(statSync(join(home, name)).mode & 0o777).toBe(0o600);
    expect(statSync(home).mode & 0o777).toBe(0o700);
    expect(readFileSync(join(home, 'ca.pem'), 'utf8')).not.toContain('PRIVATE KEY');
  });

  test('are removed when the run closes', async () => {
    const own = createResources();
    const made = await openEdge(guard, own);
    expect(existsSync(made.certificate)).toBe(true);
    await own.close();
    expect(existsSync(dirname(made.certificate))).toBe(false);
  });
});

describe.each([haproxy, nginx])('$name', (balancer) => {
  let edge: RunningBalancer;
  beforeAll(async () => {
    edge = await start(balancer);
    resources.add(balancer.name, edge.stop);
  });
  const at = (path: string) => `${edge.url}${path}`;

  test('serves https, speaks what the column says, and says so to browsers', async () => {
    expect(edge.url).toMatch(/^https:/);
    const { statusCode, headers } = await ask(at('/a?b=c'));
    expect(statusCode).toBe(200);
    expect(headers['strict-transport-security']).toBe('max-age=31536000; includeSubDomains');
    expect(String(headers['set-cookie'])).toMatch(/^lb=\S+; (path|Path)=\/.*; Secure/i);
    expect(await negotiated(edge.port as number, certificates.ca)).toBe(`${EDGE_TLS} http/1.1 200`);
  });

  test('is not believed by a client with another authority', async () => {
    const other = await createCertificates(guard.createDirectory('edge-test').path);
    await expect(ask(at('/'), { ca: other.ca })).rejects.toThrow(/certificate/);
    await expect(ask(at('/'), { ca: undefined })).rejects.toThrow(/certificate/);
  });

  test('refuses TLS 1.2', async () => {
    await expect(ask(at('/'), { maxVersion: 'TLSv1.2' })).rejects.toThrow(/protocol version|EPROTO|reset/);
  });

  test('redirects plain HTTP to itself, without asking a server', async () => {
    const { statusCode, headers } = await ask(`${edge.plainUrl}/a?b=c`, { headers: { cookie: 'id=secret' } });
    expect([statusCode, headers['location']]).toEqual([308, at('/a?b=c')]);
    expect(headers['set-cookie']).toBeUndefined();
    expect(headers['strict-transport-security']).toBeUndefined();
  });

  test('resumes no session: every connection is a full handshake', async () => {
    const { port } = new URL(edge.url);
    const open = (session?: Buffer): TLSSocket =>
      connect({ host: '127.0.0.1', port: Number(port), ca: certificates.ca, ...(session && { session }) });
    const first = open();
    const tickets: Buffer[] = [];
    first.on('session', (ticket: Buffer) => tickets.push(ticket));
    await once(first, 'secureConnect');
    first.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await once(first, 'data');
    await sleep(50);
    const session = tickets.at(-1) ?? (first.getSession() as Buffer);
    first.destroy();
    const second = open(session);
    await once(second, 'secureConnect');
    expect(second.isSessionReused()).toBe(false);
    second.destroy();
  });

  test('that speaks something else does not start, and leaves nothing behind', async () => {
    const pids: number[] = [];
    const watching: Guard = {
      ...guard,
      watchProcess: (pid, signal) => {
        pids.push(pid);
        guard.watchProcess(pid, signal);
      },
    };
    const weaker: Balancer = {
      ...balancer,
      launch(binary, plan) {
        const launch = balancer.launch(binary, plan);
        const files = launch.files.map(({ path, text }) => {
          const changed = text.replace(/X25519:/, '');
          expect(changed).not.toBe(text);
          return { path, text: changed };
        });
        return { ...launch, files };
      },
    };
    const signal = new AbortController().signal;
    const chosen = { balancer: weaker, binary: balancer.find() as string, version: '' };
    const upstreams = [upstream.upstream];
    const starting = startBalancer({
      ...{ chosen, upstreams, affinity: 'sticky', directory, certificates, guard: watching, signal },
    });
    await expect(starting).rejects.toMatchObject({ code: 'BALANCER_FAILED' });
    await expect(starting).rejects.toThrow(/X25519.*got TLSv1.3 TLS_AES_256_GCM_SHA384 prime256v1 P-256/);
    expect(pids).toHaveLength(1);
    expect(pids.filter((pid) => isRunning(pid))).toEqual([]);
  });

  test('with a certificate of another authority does not start', async () => {
    const other = await createCertificates(guard.createDirectory('edge-test').path);
    const starting = start(balancer, 'round-robin', { ...other, ca: certificates.ca });
    await expect(starting).rejects.toThrow(/BALANCER_FAILED.*certificate/);
  });
});
