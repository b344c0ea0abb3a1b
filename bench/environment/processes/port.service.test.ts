import { createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { freePort } from '../../../stores/free-port.ts';
import { BenchError } from '../../errors.ts';
import { withFreePort } from './port.ts';

const HOST = '127.0.0.1';

function portInUse(): BenchError {
  return new BenchError({ code: 'PORT_IN_USE', expected: 'a port', got: 'none', remedy: 'Wait.' });
}

describe('freePort', () => {
  it('names a port that can be listened on at once', async () => {
    const port = await freePort(HOST);
    const server = createServer();
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, HOST, resolve));
    await new Promise((resolve) => server.close(resolve));
  });

  it('throws the reason for an address of another machine', async () => {
    await expect(freePort('192.0.2.1')).rejects.toMatchObject({ code: 'EADDRNOTAVAIL' });
  });
});

describe('withFreePort', () => {
  it('tries again on another port when the first is taken', async () => {
    const ports: number[] = [];
    const answer = await withFreePort(HOST, async (port) => {
      ports.push(port);
      if (ports.length < 3) throw portInUse();
      return 'started';
    });
    expect(answer).toBe('started');
    expect(ports).toHaveLength(3);
  });

  it('gives up after the attempts, and at once on any other failure', async () => {
    let attempts = 0;
    const taken = withFreePort(HOST, async () => {
      attempts += 1;
      throw portInUse();
    });
    await expect(taken).rejects.toMatchObject({ code: 'PORT_IN_USE' });
    expect(attempts).toBe(3);

    attempts = 0;
    const broken = withFreePort(HOST, async () => {
      attempts += 1;
      throw new Error('broken');
    });
    await expect(broken).rejects.toThrow('broken');
    expect(attempts).toBe(1);
  });
});
