import { messageOf, redactUrl } from '../errors.ts';
import { plain } from '../results/text.ts';
import { ExperimentFailed } from './acts.ts';
import { DoesNotApply } from './browser.ts';
import type { Cell, Check, Expectation, Observation, Subject } from './check.ts';
import { requestsOf } from './request-counts.ts';
import type { Scene } from './scene.ts';

/** A check that takes longer has failed as an experiment, less what it waited for its turn, or as the site asked. */
const CHECK_TIMEOUT_MS = 90_000;
/** A check whose requests take longer at the pace of the contract is not begun. */
const MOST_PACED_MS = 3_600_000;
const LEAST_TIMER_MS = 20;

export interface RunOptions {
  signal?: AbortSignal;
  onCell?: (cell: Cell) => void;
  /** Default {@link CHECK_TIMEOUT_MS}. */
  limitMs?: number;
}

/**
 * Runs the checks on one backend, and returns a cell for each. An experiment that fails is a cell `error`, which is
 * unexpected: never a pass.
 * @throws the signal's reason when it is aborted.
 */
export async function runChecks(
  scene: Scene,
  checks: readonly Check[],
  options: RunOptions = {},
): Promise<Cell[]> {
  const cells: Cell[] = [];
  for (const check of checks) {
    options.signal?.throwIfAborted();
    const cell = await runCheck(scene, check, options);
    cells.push(cell);
    options.onCell?.(cell);
  }
  return cells;
}

async function runCheck(scene: Scene, check: Check, { signal, limitMs }: RunOptions): Promise<Cell> {
  const { subject } = scene;
  let expected = expectationOf(check, subject);
  let observed: Observation | undefined;
  let error = '';
  const over = new AbortController();
  scene.during(over.signal);
  try {
    const pacedMs = pacedMsOf(check, scene);
    assertFits(check, scene, pacedMs);
    // Replies may take as long as the pace lets them.
    const ownMs = (limitMs ?? CHECK_TIMEOUT_MS) + pacedMs;
    observed = await bounded(check.observe(scene), ownMs, scene.account, signal);
  } catch (cause) {
    signal?.throwIfAborted();
    if (cause instanceof DoesNotApply) observed = { outcome: 'n/a', evidence: cause.message };
    else error = withoutSecrets(messageOf(cause), scene);
  } finally {
    // What a check that was given up still wants to send.
    over.abort(new ExperimentFailed('the check is over'));
  }
  if (observed?.outcome === 'n/a' && !isFullyControlled(scene)) expected = notObserved(observed);
  const crashes = (await scene.crashes?.()) ?? [];
  if (crashes.length > 0) {
    error = withoutSecrets([...crashes, error].filter((text) => text !== '').join('; '), scene);
    observed = undefined;
  }
  const isFound = subject.module !== undefined;
  if (isFound && observed !== undefined) expected = asFound(observed, expected);
  const { id, title, source } = check;
  const surprise = observed?.outcome !== expected.outcome;
  return {
    id,
    title,
    source,
    backend: subject.name,
    affinity: subject.affinity,
    balancer: subject.balancer,
    expected: expected.outcome,
    observed: observed?.outcome ?? 'error',
    surprise,
    because: expected.because,
    evidence: evidenceOf(observed) ?? error,
    ...(isFound ? { found: true as const } : {}),
    ...(surprise || expected.remark === undefined ? {} : { remark: expected.remark }),
  };
}

/** From the traits, but for what is known of a library. */
function expectationOf({ id, expect }: Check, subject: Subject): Expectation {
  return subject.known?.[id] ?? expect(subject);
}

/**
 * Of a store of the user's, from which nothing is expected: what is observed. Only an outage that is answered as a logout
 * is unexpected of any store, and so is what could not be observed.
 */
function asFound({ outcome, evidence, fault }: Observation, declared: Expectation): Expectation {
  if (fault !== undefined) return { outcome: 'pass', because: '' };
  const remark = declared.outcome === outcome && declared.remark !== undefined ? declared : {};
  return { ...remark, outcome, because: outcome === 'pass' ? '' : evidence };
}

function evidenceOf(observed: Observation | undefined): string | undefined {
  if (observed?.fault === undefined) return observed?.evidence;
  return `${observed.fault}; ${observed.evidence}`;
}

/** An external site or service can be observed only in part: what cannot be observed there counts as expected. */
function isFullyControlled({ own, subject }: Scene): boolean {
  return own !== undefined && (subject.service === undefined || own.service !== undefined);
}

function notObserved({ evidence }: Observation): Expectation {
  return { outcome: 'n/a', because: evidence };
}

/** How long the requests of a check take at the pace of the contract, about; 0 without one. */
function pacedMsOf({ id }: Check, { contract, tries }: Pick<Scene, 'contract' | 'tries'>): number {
  const { requestsPerSecond } = contract;
  return requestsPerSecond === undefined ? 0 : (requestsOf(id, tries) / requestsPerSecond) * 1000;
}

/** The time that the checks take at the pace of the contract, milliseconds, about. */
export function pacedMsOfAll(checks: readonly Check[], scene: Pick<Scene, 'contract' | 'tries'>): number {
  const each = checks.map((check) => pacedMsOf(check, scene));
  return each.filter((ms) => ms <= MOST_PACED_MS).reduce((sum, ms) => sum + ms, 0);
}

function assertFits({ id }: Check, { contract, tries }: Scene, pacedMs: number): void {
  if (pacedMs <= MOST_PACED_MS) return;
  const minutes = (ms: number) => Math.round(ms / 60_000);
  throw new ExperimentFailed(
    `not begun: up to ${requestsOf(id, tries)} requests at ${contract.requestsPerSecond} per second take ` +
      `${minutes(pacedMs)} minutes, more than ${minutes(MOST_PACED_MS)}: raise "requestsPerSecond" in the contract, ` +
      'or name the other checks by --only',
  );
}

function bounded<T>(
  work: Promise<T>,
  limitMs: number,
  account: Scene['account'],
  signal: AbortSignal | undefined,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const startedMs = performance.now();
    const look = () => {
      const leftMs = limitMs - (performance.now() - startedMs - account().waitedMs);
      if (leftMs > 0) {
        timer = setTimeout(look, Math.max(leftMs, LEAST_TIMER_MS));
        return;
      }
      reject(
        new ExperimentFailed(`expected the check to end within ${Math.round(limitMs)} ms, less its waits`),
      );
    };
    let timer = setTimeout(look, limitMs);
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
