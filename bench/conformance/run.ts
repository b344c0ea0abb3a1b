import { messageOf, redactUrl } from '../errors.ts';
import { ExperimentFailed } from './acts.ts';
import { MissingOperation } from './browser.ts';
import type { Cell, Check, Expectation, Observation } from './check.ts';
import type { Scene } from './scene.ts';

/** A check that takes longer has failed as an experiment. */
const CHECK_TIMEOUT_MS = 90_000;

/**
 * Runs the checks on one backend, and returns a cell for each. An experiment that fails is a cell `error`, which is
 * unexpected: never a pass.
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
  const over = new AbortController();
  scene.during(over.signal);
  try {
    observed = await bounded(check.observe(scene), signal);
  } catch (cause) {
    signal?.throwIfAborted();
    if (cause instanceof MissingOperation) observed = { outcome: 'n/a', evidence: cause.message };
    else error = withoutSecrets(messageOf(cause), scene);
  } finally {
    // What a check that was given up still wants to send.
    over.abort(new ExperimentFailed('the check is over'));
  }
  if (observed?.outcome === 'n/a' && !isFullyControlled(scene)) expected = notObserved(observed);
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

/** An external site or service can be observed only in part: what cannot be observed there counts as expected. */
function isFullyControlled({ own, subject }: Scene): boolean {
  return own !== undefined && (subject.service === undefined || own.service !== undefined);
}

function notObserved({ evidence }: Observation): Expectation {
  return { outcome: 'n/a', because: evidence };
}

function bounded<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new ExperimentFailed(`expected the check to end within ${CHECK_TIMEOUT_MS} ms`)),
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

/** An error of a driver or of Node may quote its input. */
function withoutSecrets(text: string, { password, contract }: Scene): string {
  const secrets = [password, contract.admin?.password ?? ''].filter((secret) => secret !== '');
  return secrets.reduce((shown, secret) => shown.replaceAll(secret, '***'), redactUrl(text)).slice(0, 400);
}
