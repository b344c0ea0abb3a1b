/** The catalogue of errors for users: what was expected, what was got, and the remedy. */

/** Exit codes of every command, as in the README. */
export const EXIT = {
  ok: 0,
  failure: 1,
  usage: 2,
  regression: 3,
  invalid: 4,
  threshold: 99,
  hungUp: 129,
  interrupted: 130,
  terminated: 143,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Exit code of each error code. */
const CATALOGUE = {
  USAGE: EXIT.usage,
  CONFLICT: EXIT.usage,
  SERVICE_MISSING: EXIT.failure,
  SERVICE_UNREACHABLE: EXIT.failure,
  SERVICE_REFUSED: EXIT.failure,
  SERVICE_DIED: EXIT.failure,
  SERVER_FAILED: EXIT.failure,
  ARM_DIFFERS: EXIT.failure,
  BALANCER_MISSING: EXIT.failure,
  BALANCER_FAILED: EXIT.failure,
  GENERATOR_FAILED: EXIT.failure,
  PORT_IN_USE: EXIT.failure,
  OUTPUT_UNWRITABLE: EXIT.failure,
  CSV_INVALID: EXIT.failure,
  WORKER_LOST: EXIT.invalid,
  NOTHING_TO_COMPARE: EXIT.invalid,
  NOTHING_TO_REPORT: EXIT.invalid,
  PACKAGES_MISSING: EXIT.failure,
  CHECK_FAILED: EXIT.failure,
  TIMEOUT: EXIT.failure,
} as const satisfies Record<string, ExitCode>;

export type ErrorCode = keyof typeof CATALOGUE;

export interface ErrorDetails {
  code: ErrorCode;
  /** What would have been right, as a noun phrase. */
  expected: string;
  /** What was found instead. Never contains a secret. */
  got: string;
  /** What to do about it, as an imperative sentence. */
  remedy: string;
  cause?: unknown;
}

/** A failure that the user can fix. Its message is one line. */
export class BenchError extends Error {
  readonly code: ErrorCode;
  readonly exitCode: ExitCode;
  readonly details: ErrorDetails;

  constructor(details: ErrorDetails) {
    const { code, expected, got, remedy, cause } = details;
    super(oneLine(`${code}: expected ${expected}, got ${got}. ${remedy}`), { cause });
    this.name = 'BenchError';
    this.code = code;
    this.exitCode = CATALOGUE[code];
    this.details = details;
  }
}

/** Writes to a file. @throws BenchError OUTPUT_UNWRITABLE; `expected` says what was to be written where. */
export function writing<T>(expected: string, remedy: string, write: () => T): T {
  try {
    return write();
  } catch (cause) {
    throw new BenchError({ code: 'OUTPUT_UNWRITABLE', expected, got: messageOf(cause), remedy, cause });
  }
}

/** Text of any thrown value on one line, without a stack. */
export function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return error.errors.map(messageOf).join('; ');
  return oneLine(error instanceof Error ? error.message || error.name : String(error));
}

function oneLine(text: string): string {
  return text.replace(/\s*[\r\n]+\s*/g, ' ').trim();
}

/**
 * The text with every password in a URL replaced, for people and files. The password extends to the last @ of a word:
 * if it was not escaped it may contain @, / or ?. A URL may lack its scheme, as curl allows.
 */
export function redactUrl(text: string): string {
  return text
    .replace(/(\/\/[^:/?#@\s]*):\S*@/g, '$1:***@')
    .replace(/^([^:/?#@\s]+):(?!\/\/)\S*@/, '$1:***@')
    .replace(/([?&]password=)[^&\s]*/gi, '$1***');
}
