import { pathToFileURL } from 'node:url';
import type { Arm, ArmModule } from './comparators/arms/arm.ts';
import type { ServerConfig } from './config.ts';

/**
 * Opens the server of a library. Its program is not part of this one: it is bundled beside the packages of
 * servers/comparators, which Node finds from there.
 * @throws Error without its program, with a handicap, or for another transport than the cookie.
 */
export async function openComparator(config: ServerConfig, onError: (error: unknown) => void): Promise<Arm> {
  const { program, store, handicap, transport } = config;
  if (program === undefined) throw new Error(`expected the program of ${store}, got none`);
  if (handicap !== undefined) throw new Error(`${store} takes no handicap`);
  if (transport !== 'cookie') throw new Error(`${store} takes cookies alone, got ${transport}`);
  const { createServer } = (await import(pathToFileURL(program).href)) as ArmModule;
  return createServer(config, onError);
}
