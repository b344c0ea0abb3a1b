import { availableParallelism, cpus, totalmem } from 'node:os';
import { SERVICES } from '../../stores/registry.ts';
import type { ServiceDefinition } from '../../stores/service.ts';
import { calibrationPath, readCalibration } from '../calibrate/kept.ts';
import { renderCalibration } from '../calibrate/render.ts';
import { BALANCERS, offerOf } from '../environment/balancer.ts';
import { findOpenssl } from '../environment/certificates.ts';
import { cpuNsOf } from '../environment/machine/cpu.ts';
import { parseCpuList } from '../environment/machine/cpu-list.ts';
import { kernelFile } from '../environment/machine/kernel-file.ts';
import { kernel } from '../environment/machine/machine.ts';
import { pinningIfPossible } from '../environment/machine/pinning.ts';
import { SIBLING_FACTOR, slowDown } from '../environment/machine/siblings.ts';
import { findTiers } from '../environment/services/find.ts';
import { EXIT } from '../errors.ts';
import { wrap } from '../results/text.ts';
import type { BenchCommand } from './command.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** `pnpm bench doctor`. */
export const COMMAND: BenchCommand = {
  flags: {},
  async run() {
    process.stdout.write(await examine(process.env));
    return EXIT.ok;
  },
};

/** What this machine offers, what is missing and how to install it. Starts no service. */
async function examine(env: Env): Promise<string> {
  const services = await Promise.all(
    SERVICES.map((service) => describeService(service, Boolean(env[service.url.variable]))),
  );
  const lines = [
    'machine',
    `  ${cpus()[0]?.model.trim() || 'unknown processor'}, ${availableParallelism()} processors, ${Math.round(totalmem() / 2 ** 30)} GiB`,
    `  ${kernel()}, Node ${process.versions.node}, clock ${clockSource() ?? 'unknown'}`,
    `  CPU accounting: ${
      cpuNsOf([process.pid]) === undefined
        ? 'not available here, its columns stay empty'
        : 'nanoseconds from /proc'
    }`,
    ...(await describeProcessors()),
    'services, in the order of preference of auto',
    ...services.flat(),
    'balancers, in the order of preference of auto',
    ...(await Promise.all(BALANCERS.map(describeBalancer))),
    describeOpenssl(),
    'noise floor',
    ...describeNoise(env),
    '',
  ];
  return lines.map((line) => wrap(line, '      ')).join('\n');
}

async function describeService(service: ServiceDefinition, isInEnvironment: boolean): Promise<string[]> {
  const { name } = service;
  const offers = await findTiers(service, undefined);
  const lines = offers.map((offer) => {
    const mark = offer.start === undefined ? '-' : '+';
    return `  ${mark} ${name.padEnd(10)}${offer.tier.padEnd(9)}${offer.detail}`;
  });
  const found = offers.some((offer) => offer.start !== undefined);
  // It may be production's: nothing connects to it unasked.
  if (isInEnvironment) lines.push(`    ${service.url.variable} is set: used with --use-env-urls only`);
  return found ? lines : [...lines, `    missing: run sh scripts/setup.sh, or pass --${name}-url`];
}

async function describeBalancer(balancer: (typeof BALANCERS)[number]): Promise<string> {
  const { chosen, detail, isInstalled } = await offerOf(balancer);
  const remedy = isInstalled ? '' : ': run sh scripts/setup.sh';
  return `  ${chosen === undefined ? '-' : '+'} ${balancer.name.padEnd(9)}${detail}${remedy}`;
}

function describeOpenssl(): string {
  const path = findOpenssl();
  return path === undefined
    ? '  - openssl  not installed, and needed for --tls: run sh scripts/setup.sh'
    : `  + openssl  for --tls (${path})`;
}

/** Whether the first two processors share a core: then a busy load generator slows the servers down. */
async function describeProcessors(): Promise<string[]> {
  const plan = pinningIfPossible();
  const [own] = parseCpuList(plan?.generator ?? '');
  const [other] = parseCpuList(plan?.server ?? '');
  if (own === undefined || other === undefined)
    return ['  one processor, or no taskset: nothing can be pinned'];
  const factor = await slowDown(other, own);
  const verdict = factor >= SIBLING_FACTOR ? 'they share a core, or other work does' : 'separate';
  return [
    `  processors ${own} and ${other}: ${verdict} (a loop takes ${factor.toFixed(2)}× when both are busy)`,
  ];
}

function describeNoise(env: Env): string[] {
  const calibration = readCalibration(calibrationPath(env));
  if (calibration === undefined) return ['  - not known: run pnpm bench calibrate (5 minutes)'];
  return renderCalibration(calibration)
    .split('\n')
    .map((line) => `  ${line}`);
}

function clockSource(): string | undefined {
  // Sandboxes such as gVisor have no such file.
  return kernelFile('/sys/devices/system/clocksource/clocksource0/current_clocksource')?.trim();
}
