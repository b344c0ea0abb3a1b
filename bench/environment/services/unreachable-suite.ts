import { createServer } from 'node:net';
import { expect, it } from 'vitest';
import { freePort } from '../../../stores/free-port.ts';

/** Of the credentials in the URLs: never in an error. */
const PASSWORD = 'pw55';

/**
 * An external service that is not there, or does not reply.
 * @param use starts the tier url. @param urlAt a URL at a port of the loopback, with or without this password.
 */
export function describeUnreachable(
  use: (url: string) => Promise<unknown>,
  urlAt: (port: number, password: string) => string,
): void {
  it('a closed port: SERVICE_UNREACHABLE', async () => {
    const port = await freePort('127.0.0.1');
    await expect(use(urlAt(port, PASSWORD))).rejects.toMatchObject({
      code: 'SERVICE_UNREACHABLE',
      message: expect.stringContaining('ECONNREFUSED'),
    });
  });

  it('a silent server: SERVICE_UNREACHABLE, soon', async () => {
    const silent = createServer(() => undefined);
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as { port: number };
    const startedAt = Date.now();
    const error = await use(urlAt(port, PASSWORD)).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'SERVICE_UNREACHABLE' });
    expect(String(error)).not.toContain(PASSWORD);
    // Our own limit of 2 s, and not the system's of minutes.
    expect(Date.now() - startedAt).toBeLessThan(10_000);
    silent.close();
  });
}
