import type { CpuSource } from '../../config/cpu-from.ts';
import { BenchError, messageOf } from '../../errors.ts';
import { isLoopbackUrl } from '../services/service.ts';
import { type Counters, countersOf } from './counters.ts';

/** Counters of one exporter, and when they were asked for. */
export interface CpuReading extends Counters {
  /** The middle of the request, by `performance.now()`. */
  atMs: number;
}

const TIMEOUT_MS = 5_000;
const MAX_BYTES = 64 * 1024 * 1024;

/** The URL for people: a query may hold a key. */
export function shownUrl({ url, container }: CpuSource): string {
  const { origin, pathname } = new URL(url);
  return `${origin}${pathname}${container === undefined ? '' : `#${container}`}`;
}

/**
 * Asks an exporter once.
 * @throws BenchError SERVICE_UNREACHABLE when it does not reply within 5 s; SERVICE_REFUSED for any other reply than CPU
 * seconds of what was asked for.
 */
export async function readExporter(source: CpuSource): Promise<CpuReading> {
  const from = performance.now();
  const text = await textOf(source);
  const atMs = (from + performance.now()) / 2;
  return { ...countersOf(text, source.container, shownUrl(source)), atMs };
}

async function textOf(source: CpuSource): Promise<string> {
  const headers: Record<string, string> = { accept: 'text/plain;version=0.0.4' };
  if (source.authorization !== undefined) headers['authorization'] = source.authorization;
  const where = shownUrl(source);
  let response: Response;
  let text: string;
  try {
    response = await fetch(source.url, { headers, signal: AbortSignal.timeout(TIMEOUT_MS) });
    text = await bodyOf(response);
  } catch (error) {
    throw new BenchError({
      code: 'SERVICE_UNREACHABLE',
      expected: `metrics for --cpu-from at ${where} within ${TIMEOUT_MS} ms`,
      got: causeOf(error),
      remedy: 'Start the exporter there, or correct --cpu-from, or leave it out.',
      cause: error,
    });
  }
  if (response.status === 200) return text;
  const isLocked = response.status === 401 || response.status === 403;
  throw new BenchError({
    code: 'SERVICE_REFUSED',
    expected: `metrics for --cpu-from at ${where}`,
    got: `HTTP ${response.status}`,
    remedy: isLocked
      ? 'Write user and password into the URL: http://USER:PASSWORD@HOST/metrics.'
      : 'Write the whole path of the metrics, such as http://HOST:9100/metrics.',
  });
}

/** @throws Error for a body without end. */
async function bodyOf({ body }: Response): Promise<string> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of body ?? []) {
    bytes += part.byteLength;
    if (bytes > MAX_BYTES) throw new Error(`more than ${MAX_BYTES / 2 ** 20} MiB`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

/** What `fetch` hides behind "fetch failed". */
function causeOf(error: unknown): string {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  return messageOf(cause);
}

/**
 * Asks every exporter once, before anything is started. Returns a line for each.
 * @throws BenchError as {@link readExporter}.
 */
export async function lookAtExporters(sources: readonly CpuSource[]): Promise<string[]> {
  const readings = await Promise.all(sources.map(readExporter));
  return sources.map((source, index) => {
    const { takenAtMs } = readings[index] as CpuReading;
    const whose = source.owner === undefined ? '' : ` of ${source.owner}`;
    const what = source.container === undefined ? 'its whole machine' : `container ${source.container}`;
    const old = takenAtMs === undefined ? '' : ', whose figures are renewed only from time to time';
    const here = source.container === undefined && isLoopbackUrl(source.url);
    const own = here ? ', which is this one: the load generator counts as well' : '';
    return `CPU elsewhere${whose}: ${what} at ${shownUrl(source)}${old}${own}`;
  });
}
