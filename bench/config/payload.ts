/** `--payload`: how large a session may be, and how much of it fits on a machine. */

import type { StoreChoice } from './store-choice.ts';
import { conflict, usage } from './values.ts';
import type { Scenario } from './words.ts';

export const MOST_PAYLOAD_BYTES = 2 ** 20;
/** Most that the endpoint of updates takes (servers/schemas.ts). */
const MOST_UPDATED_BYTES = 65_536;
const WRITING: readonly Scenario[] = ['update', 'mixed'];
/** All arms of a block are up at once, and each holds its sessions in the memory of a server or a service. */
const MOST_HELD_BYTES = 256 * 2 ** 20;

interface Population {
  stores: readonly StoreChoice[];
  payloadsBytes: readonly number[];
  scenarios: readonly Scenario[];
  sessions: number;
}

/** @throws BenchError CONFLICT for updates that servers refuse; USAGE for more session data than an arm may hold. */
export function checkPayload({ stores, payloadsBytes, scenarios, sessions }: Population): void {
  // Of external sites neither is known, and of revocation there are few.
  if (stores.some(({ site }) => site !== undefined)) return;
  const largest = Math.max(...payloadsBytes);
  const writing = scenarios.find((scenario) => WRITING.includes(scenario));
  if (writing !== undefined && largest > MOST_UPDATED_BYTES) {
    const expected = `--payload of at most ${MOST_UPDATED_BYTES} with --scenario ${writing}, which sends it`;
    throw conflict(expected, String(largest), 'Lower --payload, or name another scenario.');
  }
  const most = Math.floor(MOST_HELD_BYTES / largest);
  if (sessions <= most || scenarios.every((scenario) => scenario === 'revocation')) return;
  const expected = `--sessions of at most ${most} with --payload ${largest}: 256 MiB of session data an arm`;
  throw usage(expected, String(sessions), `Add --sessions ${most}, or lower --payload.`);
}
