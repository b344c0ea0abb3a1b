/** One connection through the relay: bytes as they come, each way delayed, nothing joined and nothing reordered. */

import { connect, type Socket } from 'node:net';
import type { DelayLine } from './delay-line.ts';

/** Relays a connection; whichever side ends or breaks, the other does so later by the delay. */
export function relayTo(client: Socket, target: { host: string; port: number }, line: DelayLine): void {
  const service = connect({ ...target, noDelay: true, allowHalfOpen: true });
  pass(client, service, line);
  pass(service, client, line);
}

function pass(from: Socket, to: Socket, line: DelayLine): void {
  from.on('data', (chunk) => {
    line.push(() => {
      if (!to.destroyed && !to.write(chunk)) from.pause();
    });
  });
  to.on('drain', () => from.resume());
  from.on('end', () => line.push(() => to.end()));
  // `close` follows, and says that there was one.
  from.on('error', () => undefined);
  from.on('close', (isBroken) => {
    if (isBroken) line.push(() => to.destroy());
  });
}
