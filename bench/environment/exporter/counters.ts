import { BenchError } from '../../errors.ts';
import { NS_PER_TICK } from '../machine/cpu.ts';
import { NotExposition, type Sample, samplesOf } from './exposition.ts';

/** CPU time so far, as an exporter tells it. */
export interface Counters {
  /** Nanoseconds by series. */
  ns: ReadonlyMap<string, number>;
  /** When the values were taken, by the exporter's clock, ms; absent: at the request. */
  takenAtMs?: number;
  /** Steps in which the values grow, nanoseconds; 0: too fine to matter. */
  stepNs: number;
}

/** prometheus-node-exporter, from /proc/stat, which counts in ticks. */
const MACHINE = 'node_cpu_seconds_total';
/** cAdvisor, from the control group of each container. */
const CONTAINER = 'container_cpu_usage_seconds_total';
/** In these modes a processor does nothing for its machine: it waits, or the hypervisor has given it to others. */
const NOT_USED = ['idle', 'iowait', 'steal'];
const NAMES_SHOWN = 8;

/**
 * CPU of the whole machine, or of the containers of this name.
 * @param where how errors name the exporter.
 * @throws BenchError SERVICE_REFUSED when the text is not in the format of Prometheus, or has no such CPU.
 */
export function countersOf(text: string, container: string | undefined, where: string): Counters {
  let samples: Sample[];
  try {
    samples = samplesOf(text, [MACHINE, CONTAINER]);
  } catch (error) {
    if (!(error instanceof NotExposition)) throw error;
    const expected = `metrics of Prometheus, as text, at ${where}`;
    const remedy = 'Write the whole path of the metrics, such as http://HOST:9100/metrics.';
    throw refused(expected, `something else in ${error.message}`, remedy);
  }
  return container === undefined ? machineOf(samples, where) : containerOf(samples, container, where);
}

function machineOf(samples: readonly Sample[], where: string): Counters {
  const all = samples.filter(({ name }) => name === MACHINE);
  const used = all.filter(({ labels }) => !NOT_USED.includes(labels['mode'] ?? ''));
  if (used.length > 0) return { ...summed(used, where), stepNs: NS_PER_TICK };
  const names = namesIn(samples);
  if (names.length === 0) {
    const remedy = 'Name a prometheus-node-exporter, or a cAdvisor and # with the name of a container.';
    throw refused(`${MACHINE} at ${where}`, 'other metrics alone', remedy);
  }
  const remedy = 'Name one behind the URL: …/metrics#NAME.';
  throw refused(`the name of a container for ${where}`, `none, and there are ${listed(names)}`, remedy);
}

function containerOf(samples: readonly Sample[], wanted: string, where: string): Counters {
  const all = samples.filter(({ name }) => name === CONTAINER);
  const own = all.filter((sample) => namesOf(sample).includes(wanted));
  if (own.length > 0) return { ...summed(withoutParts(own), where), stepNs: 0 };
  const expected = `${CONTAINER} of a container ${JSON.stringify(wanted)} at ${where}`;
  if (all.length === 0) {
    const remedy = 'Name a cAdvisor, or leave # and the name out for the whole machine.';
    throw refused(expected, 'no such metric', remedy);
  }
  throw refused(expected, listed(namesIn(samples)), 'Correct the name behind #.');
}

/** Docker's name of a container is in `name`, that of Kubernetes in `container`. */
const namesOf = ({ labels }: Sample) =>
  [labels['name'], labels['container']].filter((name) => name !== undefined && name !== '') as string[];

const namesIn = (samples: readonly Sample[]) => [
  ...new Set(samples.filter(({ name }) => name === CONTAINER).flatMap(namesOf)),
];

/** Older versions of cAdvisor have each processor, some the sum as well. */
function withoutParts(samples: readonly Sample[]): Sample[] {
  const totals = samples.filter(({ labels }) => labels['cpu'] === 'total');
  const whole = new Set(totals.map(({ labels }) => labels['id']));
  return samples.filter(({ labels }) => labels['cpu'] === 'total' || !whole.has(labels['id']));
}

/** Values taken at several times are as old as the oldest. */
function summed(samples: readonly Sample[], where: string): Pick<Counters, 'ns' | 'takenAtMs'> {
  const ns = new Map(samples.map(({ labels, value }) => [JSON.stringify(labels), value * 1e9]));
  const isSound =
    ns.size === samples.length && [...ns.values()].every((one) => one >= 0 && Number.isFinite(one));
  if (!isSound) {
    const expected = `CPU seconds from 0 on, each once, at ${where}`;
    throw refused(expected, 'others', 'Find out what is wrong with that exporter.');
  }
  const taken = samples.flatMap(({ takenAtMs }) => takenAtMs ?? []);
  return taken.length === 0 ? { ns } : { ns, takenAtMs: Math.min(...taken) };
}

function listed(names: readonly string[]): string {
  const more = names.length > NAMES_SHOWN ? `, and ${names.length - NAMES_SHOWN} more` : '';
  return `${names
    .slice(0, NAMES_SHOWN)
    .map((name) => name.slice(0, 60))
    .join(', ')}${more}`;
}

function refused(expected: string, got: string, remedy: string): BenchError {
  return new BenchError({ code: 'SERVICE_REFUSED', expected, got, remedy });
}
