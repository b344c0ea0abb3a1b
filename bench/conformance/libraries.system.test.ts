import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import { COMPARATORS } from '../../stores/comparators/libraries.ts';
import { defaultOptions } from '../../stores/options.ts';
import { COMPARATORS_FOLDER } from '../environment/comparator-packages.ts';
import { PROJECT_ROOT } from '../environment/programs.ts';
import { parseConformance } from './config.ts';
import { runConformance } from './conformance.ts';

/** Libraries as our backends are checked: on servers that the harness starts, behind its balancer, with its services. */

const nothing = () => undefined;
const SILENT = { begin: nothing, step: nothing, end: nothing, say: nothing, close: nothing };
/** Of the session's life and of its cookie; those that take seconds each are left out. */
const CHECKS = '1,2a,2b,3,4a,4b,6,7,8,9,10,11,12,14,15,16,17,26,27,29,31,37,41,42,43,50,54,55,56,57,58';

// Without the network where they are installed already.
beforeAll(async () => {
  const options = { cwd: join(PROJECT_ROOT, COMPARATORS_FOLDER), env: { ...process.env, CI: 'true' } };
  await promisify(execFile)('pnpm', ['install', '--frozen-lockfile', '--prefer-offline'], options);
});

async function cellsOf(store: string, checks = CHECKS) {
  const raw = {
    store,
    only: checks,
    servers: '2',
    balancer: 'node',
    affinity: 'round-robin',
    tries: '20',
    seed: '1',
  };
  const { cells } = await runConformance(parseConformance(raw, {}), SILENT, new AbortController().signal);
  const seen = Object.fromEntries(cells.map(({ id, observed }) => [id, observed]));
  const surprises = cells
    .filter(({ surprise }) => surprise)
    .map(({ id, observed, evidence }) => `${id} ${observed}: ${evidence}`);
  return { seen, surprises };
}

describe.each(COMPARATORS)('$name', (library) => {
  test('does what its definition says, and no more', async () => {
    const { seen, surprises } = await cellsOf(library.name);
    expect(surprises).toEqual([]);
    // Attributes of the cookie, and that a chosen id is not taken over.
    for (const id of ['3', '7', '8', '9', '10', '17', '43', '54', '58'])
      expect([id, seen[id]]).toEqual([id, 'pass']);
    const { revocation } = library.declaredTraits(defaultOptions(library), 'second');
    const afterLogout = revocation === 'immediate' ? 'pass' : 'fail';
    for (const id of ['14', '15']) expect([id, seen[id]]).toEqual([id, afterLogout]);
    expect(seen['41']).toBe('fail');
  });
});

test('a cache in a second cookie: data that does not fit is refused, and no reply has a head that is too long', async () => {
  const { seen, surprises } = await cellsOf('better-auth:cookie-cache=on', `${CHECKS},39`);
  expect(surprises).toEqual([]);
  expect(seen).toMatchObject({ 39: 'pass', 43: 'pass' });
});
