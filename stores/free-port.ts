import { createServer } from 'node:net';

/**
 * A TCP port that is free at this moment. Another process may take it before it is used.
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
