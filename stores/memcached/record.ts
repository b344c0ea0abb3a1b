import type { Listed, UserRecord } from '../logins/record.ts';

const LETTERS = { login: 'l', ending: 'e', coming: 'c' } as const;
const STATES: Readonly<Record<string, Listed['state']>> = { l: 'login', e: 'ending', c: 'coming' };

/** One line for the account, one for each login. */
export function encodeRecord({ isDisabled, logins }: UserRecord): string {
  const lines = logins.map(
    ({ id, createdAtMs, absoluteExpiryMs, state, replaces }) =>
      `\n${id} ${createdAtMs} ${absoluteExpiryMs} ${LETTERS[state]}${replaces}`,
  );
  return (isDisabled ? 'disabled' : '') + lines.join('');
}

/** The record in a text that {@link encodeRecord} returned. */
export function decodeRecord(text: string): UserRecord {
  const [account, ...lines] = text.split('\n');
  const logins = lines.map((line): Listed => {
    const [id = '', created, absolute, kind = ''] = line.split(' ');
    return {
      id,
      createdAtMs: Number(created),
      absoluteExpiryMs: Number(absolute),
      state: STATES[kind.charAt(0)] ?? 'login',
      replaces: kind.slice(1),
    };
  });
  return { isDisabled: account === 'disabled', logins };
}
