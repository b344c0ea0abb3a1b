/** Checks that a server runs the backend and options that it was configured with, by the echo in its `ready` message. */

import type { ServerConfig } from '../../servers/config.ts';
import { absentOptions, pairsText } from '../../stores/variant.ts';
import { BenchError } from '../errors.ts';

/** The backend and options that a server reports in its `ready` message. */
type Echo = Pick<ServerConfig, 'store' | 'options'>;

/** The echo in a ready message; `undefined` for a server that is too old to send one. */
export function echoOf(message: Readonly<Record<string, unknown>> | undefined): Echo | undefined {
  const { store, options } = message ?? {};
  if (typeof store !== 'string' || typeof options !== 'object' || options === null) return undefined;
  return { store, options: options as Echo['options'] };
}

/**
 * The first difference between a server's echo and its configuration; `undefined` when there is none. An option that
 * the server does not have is no difference when the configured value is the behaviour without it.
 */
export function differenceFrom(sent: Echo, echo: Echo): string | undefined {
  if (echo.store !== sent.store) return `store ${echo.store}`;
  const absent = absentOptions(sent.store);
  for (const [key, value] of Object.entries(sent.options)) {
    const runs = echo.options[key];
    if (runs === value || (runs === undefined && absent[key] === value)) continue;
    return runs === undefined ? `no option ${key}` : `${key}=${runs}`;
  }
  return undefined;
}

/** Rejects an arm whose server runs something other than its label says. @throws BenchError ARM_DIFFERS */
export function checkEcho(
  sent: Echo & Pick<ServerConfig, 'id'>,
  message: Readonly<Record<string, unknown>> | undefined,
  isBaseline: boolean,
): void {
  const echo = echoOf(message);
  // Only a baseline may be too old to report; it was checked against its own list of backends.
  if (echo === undefined && isBaseline) return;
  const got = echo === undefined ? 'no report of it' : differenceFrom(sent, echo);
  if (got === undefined) return;
  throw new BenchError({
    code: 'ARM_DIFFERS',
    expected: `server ${sent.id}${isBaseline ? ' of the baseline' : ''} to run ${sent.store}:${pairsText(sent.options)}`,
    got,
    remedy: isBaseline
      ? 'Name a later --base, or a --store with options that it has.'
      : 'Stop other builds of this project, then run again; if it persists, report it.',
  });
}

/** Whether an error is that of {@link checkEcho}: it ends the run, for the figures would have the wrong name. */
export function isEchoError(error: unknown): boolean {
  return error instanceof BenchError && error.code === 'ARM_DIFFERS';
}
