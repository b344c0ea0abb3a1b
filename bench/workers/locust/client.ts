import { Packr } from 'msgpackr';
import { Dealer } from 'zeromq';
import type { LocustAddress, LocustClient, LocustListener } from '../locust-messages.ts';

/** A worker's connection to a Locust master, by the packages of this folder, which the project itself does not install. */

/** What has been sent may take this long to leave after the end. */
const LINGER_MS = 1_000;
/** A master that is silent for this long is gone; ZeroMQ asks each second. */
const ASK_MS = 1_000;
const SILENCE_MS = 4_000;

export function connectLocust(
  { host, port }: LocustAddress,
  id: string,
  listener: LocustListener,
): LocustClient {
  const socket = new Dealer({
    routingId: id,
    linger: LINGER_MS,
    heartbeatInterval: ASK_MS,
    heartbeatTimeout: SILENCE_MS,
  });
  // Plain objects, not records of msgpackr's own; Maps for keys that are numbers.
  const packr = new Packr({ useRecords: false });
  let isClosed = false;
  const lose = (why: unknown) => {
    if (!isClosed) listener.onLost(why instanceof Error ? why.message : String(why));
  };
  socket.events.on('disconnect', () => lose('the end of the connection'));
  socket.connect(`tcp://${host.includes(':') ? `[${host}]` : host}:${port}`);
  void receive();

  async function receive(): Promise<void> {
    try {
      for await (const [frame] of socket) {
        if (frame === undefined) continue;
        const [type, data] = packr.unpack(frame) as [string, unknown];
        listener.onMessage(type, data);
      }
    } catch (error) {
      lose(error);
    }
  }

  // A socket takes one message at a time.
  let sending: Promise<unknown> = Promise.resolve();
  return {
    send(type, data = null) {
      const message = packr.pack([type, data, id]);
      sending = sending.then(() => (isClosed ? undefined : socket.send(message))).catch(lose);
    },
    async close() {
      if (isClosed) return;
      await Promise.race([sending, new Promise((resolve) => setTimeout(resolve, LINGER_MS).unref())]);
      isClosed = true;
      socket.close();
    },
  };
}
