import { createServer } from 'node:net';
import { BenchError } from '../../errors.ts';

const ATTEMPTS = 3;

/**
 * A TCP port that is free at this moment. Another process may take it before it is used, hence {@link withFreePort}.
 * @throws the system's error when `host` is not an address of this machine.
 */
export function freePort(host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ host, port: 0, exclusive: true }, () => {
      const address = server.address();
      server.close(() => {
        if (address === null || typeof address === 'string') reject(new Error('a TCP server has no port'));
        else resolve(address.port);
      });
    });
  });
}

/**
 * Calls `start` with a free port, and again with another one while it fails with PORT_IN_USE, three times in all.
 * @throws what `start` throws.
 */
export async function withFreePort<T>(host: string, start: (port: number) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await start(await freePort(host));
    } catch (error) {
      const taken = error instanceof BenchError && error.code === 'PORT_IN_USE';
      if (!taken || attempt >= ATTEMPTS) throw error;
    }
  }
}
