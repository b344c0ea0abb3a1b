import { messageOf, redactUrl } from '../errors.ts';
import { plain } from '../results/text.ts';
import { ExperimentFailed } from './acts.ts';
import { MissingOperation } from './browser.ts';
import type { Cell, Check, Expectation, Observation } from './check.ts';
import type { Scene } from './scene.ts';

/** A check that takes longer has failed as an experiment. */
const CHECK_TIMEOUT_MS = 90_000;
/** Of a site that is not to be asked at full pace. */
const PACED_TIMEOUT_MS = 900_000;

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
    const { requestsPerSecond } = scene.contract;
    const limitMs = requestsPerSecond === undefined ? CHECK_TIMEOUT_MS : PACED_TIMEOUT_MS;
    observed = await bounded(check.observe(scene), limitMs, signal);
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

function bounded<T>(work: Promise<T>, limitMs: number, signal: AbortSignal | undefined): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new ExperimentFailed(`expected the check to end within ${limitMs} ms`)),
      limitMs,
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
  return maskSecrets(redactUrl(text), [password, contract.admin?.password]).slice(0, 400);
}

/** The text without these passwords, as they are and as JSON writes them, and without control characters. */
export function maskSecrets(text: string, secrets: readonly (string | undefined)[]): string {
  const forms = secrets.flatMap((secret = '') => [secret, JSON.stringify(secret).slice(1, -1)]);
  return plain(
    forms.filter((form) => form !== '').reduce((shown, form) => shown.replaceAll(form, '***'), text),
  );
}
