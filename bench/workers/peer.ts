import type { Channel } from './channel.ts';
import { type ClockOffset, type Exchange, offsetOf } from './clock.ts';
import { type FromWorker, type ToWorker, type WorkerResult, wallMs } from './job.ts';

/** One worker as the collector sees it. */
export interface Peer {
  /** `worker 2 (host at 10.0.0.4)`. */
  label: string;
  name: string;
  address: string;
  state: 'preparing' | 'measuring' | 'ended';
  /** What it said last of what it does. */
  step: string;
  result?: WorkerResult;
  /** Why it has ended before its time. */
  lost?: string;
  /** Requests with a right reply, and others, in the last second. */
  lastSecond: { ok: number; wrong: number };
  send(message: ToWorker): void;
  /** Asks for its time; the reply comes to `hear`. */
  ask(): void;
  /** Each message shows that it is there. */
  hear(message: FromWorker): void;
  /** Milliseconds since its last message. */
  silentMs(): number;
  /** After a pause of our own, in which it could not be heard. */
  forgive(): void;
  clock(): ClockOffset | undefined;
  /** Seconds of its measured load so far; `undefined` before it. */
  measuredSeconds(): number | undefined;
  close(): void;
}

/** The exchanges of this many seconds are kept: clocks drift. */
const KEPT = 600;

export function createPeer(channel: Channel<FromWorker, ToWorker>, name: string, ordinal: number): Peer {
  const exchanges: Exchange[] = [];
  const asked = new Map<number, number>();
  let lastHeard = performance.now();
  let measuringSince: number | undefined;
  let asks = 0;
  const peer: Peer = {
    label: `worker ${ordinal} (${name} at ${channel.peer})`,
    name,
    address: channel.peer,
    state: 'preparing',
    step: 'has come',
    lastSecond: { ok: 0, wrong: 0 },
    send: channel.send,
    ask() {
      asks += 1;
      asked.set(asks, wallMs());
      channel.send({ type: 'clock', id: asks });
    },
    hear(message) {
      lastHeard = performance.now();
      if (message.type === 'step') peer.step = message.text;
      else if (message.type === 'second') peer.lastSecond = { ok: message.ok, wrong: message.wrong };
      else if (message.type === 'measuring') {
        peer.state = 'measuring';
        measuringSince = performance.now();
      } else if (message.type === 'clock') {
        const sentMs = asked.get(message.id);
        asked.delete(message.id);
        if (sentMs === undefined) return;
        exchanges.push({ sentMs, otherMs: message.nowMs, receivedMs: wallMs() });
        if (exchanges.length > KEPT) exchanges.shift();
      }
    },
    silentMs: () => performance.now() - lastHeard,
    forgive() {
      lastHeard = performance.now();
    },
    clock: () => offsetOf(exchanges),
    measuredSeconds: () =>
      measuringSince === undefined ? undefined : (performance.now() - measuringSince) / 1000,
    close: channel.close,
  };
  return peer;
}
