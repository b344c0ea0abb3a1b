import { freePort } from '../../../stores/free-port.ts';
import { BenchError } from '../../errors.ts';

const ATTEMPTS = 3;

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
