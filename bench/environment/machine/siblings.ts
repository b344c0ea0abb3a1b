import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** Times a fixed loop on one processor while another is idle or busy; milliseconds. */
export type LoopTimer = (cpu: number, other: number, isOtherBusy: boolean) => Promise<number>;

const ROUNDS = 5;
/** Two threads of one core slow each other down by 30 % and more, two cores by less than 10 %. */
export const SIBLING_FACTOR = 1.2;

/**
 * Whether two processors share a core, so that work on one slows the other down. It is measured, because a virtual
 * machine may not show the topology of its host. Takes half a second.
 */
export async function areSiblings(cpu: number, other: number, time: LoopTimer = timeLoop): Promise<boolean> {
  return (await slowDown(cpu, other, time)) >= SIBLING_FACTOR;
}

/** How many times as long a fixed loop takes on a processor while the other is busy. Other work only adds time. */
export async function slowDown(cpu: number, other: number, time: LoopTimer = timeLoop): Promise<number> {
  const times = { alone: Number.POSITIVE_INFINITY, beside: Number.POSITIVE_INFINITY };
  for (let round = 0; round < ROUNDS; round += 1) {
    times.alone = Math.min(times.alone, await time(cpu, other, false));
    times.beside = Math.min(times.beside, await time(cpu, other, true));
  }
  return times.beside / times.alone;
}

const LOOP = `
let sum = 0;
const run = (count) => { for (let i = 0; i < count; i += 1) sum = (sum * 31 + i) | 0; };
run(5e6);
const from = process.hrtime.bigint();
run(2e7);
process.stdout.write(String(Number(process.hrtime.bigint() - from) / 1e6));
`;
const SPIN = 'process.stdout.write("."); for (;;);';

async function timeLoop(cpu: number, other: number, isOtherBusy: boolean): Promise<number> {
  const spinner = isOtherBusy ? startOn(other, SPIN) : undefined;
  try {
    if (spinner !== undefined) await once(spinner.stdout, 'data');
    const loop = startOn(cpu, LOOP);
    const ended = once(loop, 'close');
    let text = '';
    for await (const chunk of loop.stdout) text += String(chunk);
    await ended;
    return Number(text);
  } finally {
    if (spinner !== undefined) {
      spinner.kill('SIGKILL');
      await once(spinner, 'close');
    }
  }
}

function startOn(cpu: number, program: string) {
  return spawn('taskset', ['-c', String(cpu), process.execPath, '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}
