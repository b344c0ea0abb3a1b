import { setMaxListeners } from 'node:events';

/** Aborts at the first Ctrl-C or SIGTERM of this script. */
export function stopSignal(): AbortSignal {
  const stop = new AbortController();
  setMaxListeners(0, stop.signal);
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => stop.abort(new Error(`stopped by ${name}`)));
  }
  return stop.signal;
}
