import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { engineSocket, isDockerAvailable } from './container.ts';

const cleanUps: (() => void)[] = [];
afterEach(() => {
  for (const cleanUp of cleanUps.splice(0)) cleanUp();
});

async function fakeEngine(answer: RequestListener): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'engine-'));
  const socketPath = join(directory, 'docker.sock');
  const engine = createServer(answer);
  await new Promise<void>((resolve) => engine.listen(socketPath, resolve));
  cleanUps.push(() => {
    engine.closeAllConnections();
    engine.close();
    rmSync(directory, { recursive: true, force: true });
  });
  return socketPath;
}

describe('isDockerAvailable', () => {
  it('is true for an engine that replies to a ping', async () => {
    const paths: (string | undefined)[] = [];
    const socketPath = await fakeEngine((request, reply) => {
      paths.push(request.url);
      reply.end('OK');
    });
    expect(await isDockerAvailable(socketPath)).toBe(true);
    expect(paths).toEqual(['/_ping']);
  });

  it('is false for an error, for a closed socket, and without a socket', async () => {
    const broken = await fakeEngine((_request, reply) => reply.writeHead(500).end());
    expect(await isDockerAvailable(broken)).toBe(false);
    expect(await isDockerAvailable('/nowhere/docker.sock')).toBe(false);
  });

  it('is false for an engine that hangs, by a limit of its own', async () => {
    const hanging = await fakeEngine(() => undefined);
    const startedAt = Date.now();
    expect(await isDockerAvailable(hanging)).toBe(false);
    expect(Date.now() - startedAt).toBeLessThan(10_000);
  });
});

describe('engineSocket', () => {
  it('is that of DOCKER_HOST; none for an engine on another machine', () => {
    const { DOCKER_HOST } = process.env;
    try {
      process.env['DOCKER_HOST'] = 'unix:///run/some.sock';
      expect(engineSocket()).toBe('/run/some.sock');
      process.env['DOCKER_HOST'] = 'tcp://10.0.0.1:2375';
      expect(engineSocket()).toBeUndefined();
    } finally {
      if (DOCKER_HOST === undefined) delete process.env['DOCKER_HOST'];
      else process.env['DOCKER_HOST'] = DOCKER_HOST;
    }
  });
});
