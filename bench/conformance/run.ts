import { messageOf, redactUrl } from '../errors.ts';
import { ExperimentFailed } from './acts.ts';
import { MissingOperation } from './browser.ts';
import type { Cell, Check, Expectation, Observation } from './check.ts';
import type { Scene } from './scene.ts';

/** A check that is not over by then has failed as an experiment. */
const CHECK_TIMEOUT_MS = 90_000;

/**
 * Looks at one backend, check by check, and answers a cell for each. An experiment that fails is a cell `error`, which
 * is a surprise: never a pass.
 * @throws the signal's reason when it is aborted.
 */
export async function runChecks(
  scene: Scene,
  checks: readonly Check[],
  options: { signal?: AbortSignal; onCell?: (cell: Cell) => void } = {},
): Promise<Cell[]> {
  const cells: Cell[] = [];
  for (const check of checks) {
    options.signal?.throwIfAborted();
    const cell = await runCheck(scene, check, options.signal);
    cells.push(cell);
    options.onCell?.(cell);
  }
  return cells;
}

async function runCheck(scene: Scene, check: Check, signal: AbortSignal | undefined): Promise<Cell> {
  const { subject } = scene;
  let expected = check.expect(subject);
  let observed: Observation | undefined;
  let error = '';
  try {
    observed = await bounded(check.observe(scene), signal);
  } catch (cause) {
    signal?.throwIfAborted();
    if (cause instanceof MissingOperation) observed = { outcome: 'n/a', evidence: cause.message };
    else error = withoutSecrets(messageOf(cause), scene);
  }
  if (observed?.outcome === 'n/a' && !isWhollyOurs(scene)) expected = noLook(observed);
  const { id, title, source } = check;
  return {
    id,
    title,
    source,
    backend: subject.name,
    affinity: subject.affinity,
    balancer: subject.balancer,
    expected: expected.outcome,
    observed: observed?.outcome ?? 'error',
    surprise: observed?.outcome !== expected.outcome,
    because: expected.because,
    evidence: observed?.evidence ?? error,
  };
}

/** Of somebody else's site or service we only know what we are told and let do: what cannot be looked at is no surprise. */
function isWhollyOurs({ own, subject }: Scene): boolean {
  return own !== undefined && (subject.service === undefined || own.service !== undefined);
}

function noLook({ evidence }: Observation): Expectation {
  return { outcome: 'n/a', because: evidence };
}

function bounded<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new ExperimentFailed(`no end within ${CHECK_TIMEOUT_MS} ms`)),
      CHECK_TIMEOUT_MS,
    );
    const onAbort = () => reject(signal?.reason as Error);
    signal?.addEventListener('abort', onAbort, { once: true });
    work.then(resolve, reject).finally(() => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    });
  });
}

/** An error of a driver or of Node may quote what it was given. */
function withoutSecrets(text: string, { password, contract }: Scene): string {
  const secrets = [password, contract.admin?.password ?? ''].filter((secret) => secret !== '');
  return secrets.reduce((shown, secret) => shown.replaceAll(secret, '***'), redactUrl(text)).slice(0, 400);
}
