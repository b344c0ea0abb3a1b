import type { Channel, Traffic } from './channel.ts';
import { type LoopEnd, type RunningLoop, startSweeping, withResolvers } from './running-loop.ts';

/**
 * Closed loop: every channel sends the next request of its list after the reply, until the time is over; requests in
 * flight are then awaited. It also ends after this many requests. Its time runs from the first send to the last reply.
 */
export function startClosedLoop(
  channels: readonly Channel[],
  traffic: Traffic,
  seconds: number,
  requests = Number.POSITIVE_INFINITY,
): RunningLoop {
  const { promise, resolve } = withResolvers<LoopEnd>();
  const startMs = performance.now();
  const deadlineMs = startMs + seconds * 1000;
  const stopSweeping = startSweeping(channels, traffic);
  let timer: NodeJS.Timeout | undefined;
  let left = requests;
  const sendNext = (channel: Channel) => {
    if (left <= 0 || !channel.send()) return false;
    left -= 1;
    return true;
  };

  const stop = () => {
    clearTimeout(timer);
    stopSweeping();
    // Without any reply the duration is the requested time.
    const endMs = traffic.lastEndMs >= startMs ? traffic.lastEndMs : performance.now();
    resolve({ endMs, backlogEnd: 0, outstandingEnd: 0 });
  };
  const stopIfDone = () => {
    if (traffic.inFlight > 0) return;
    const isUsedUp = left <= 0 || channels.every((channel) => channel.nextSlot === undefined);
    if (isUsedUp || performance.now() >= deadlineMs) stop();
  };
  traffic.onFree = (channel, nowMs) => {
    if (nowMs >= deadlineMs || !sendNext(channel)) stopIfDone();
  };
  traffic.onBlocked = (channel, isRefused) => {
    const tally = channel.nextSlot?.tally;
    // Its next request was due, but could not be sent.
    if (isRefused && tally !== undefined) {
      tally.scheduled += 1;
      tally.connErrors += 1;
    }
    stopIfDone();
  };
  // Node's timers count whole milliseconds, and may fire a little early.
  const waitForDeadline = () => {
    const leftMs = deadlineMs - performance.now();
    if (leftMs > 0) timer = setTimeout(waitForDeadline, Math.ceil(leftMs));
    else stopIfDone();
  };
  for (const channel of channels) if (!sendNext(channel)) channel.renew();
  waitForDeadline();
  stopIfDone();
  return { startMs, ended: promise, waiting: () => 0, stop };
}
