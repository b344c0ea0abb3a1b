import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** Times a loop on one processor while another is idle or busy; any unit. */
export type LoopTimer = (isOtherBusy: boolean) => Promise<number>;

const ROUNDS = 5;
/** Two threads of one core slow each other down by 30 % and more, two cores by less than 10 %. */
export const SIBLING_FACTOR = 1.2;

/**
 * Whether two processors share a core, so that work on one slows the other down. It is measured, because a virtual
 * machine may not show the topology of its host. Takes about a second, also on a slow machine.
 */
export async function areSiblings(cpu: number, other: number): Promise<boolean> {
  return (await slowDown(cpu, other)) >= SIBLING_FACTOR;
}

/** How many times as long a loop takes on a processor while the other is busy. */
export async function slowDown(cpu: number, other: number): Promise<number> {
  const [loop, spinner] = [startOn(cpu, LOOP), startOn(other, SPINNER)];
  const ended = Promise.race([loop, spinner].map((process) => once(process, 'close'))).then(() => {
    throw new Error('a loop that measures the processors ended by itself');
  });
  const tell = async (process: Told, word: string): Promise<number> => {
    process.stdin.write(word);
    const [text] = await Promise.race([once(process.stdout, 'data'), ended]);
    return Number(text);
  };
  try {
    return await slowDownBy(async (isOtherBusy) => {
      await tell(spinner, isOtherBusy ? BUSY : IDLE);
      return tell(loop, BUSY);
    });
  } finally {
    await Promise.all([loop, spinner].map(end));
  }
}

/** As {@link slowDown}, with this timer. Other work only adds time. */
export async function slowDownBy(time: LoopTimer): Promise<number> {
  const times = { alone: Number.POSITIVE_INFINITY, beside: Number.POSITIVE_INFINITY };
  for (let round = 0; round < ROUNDS; round += 1) {
    times.alone = Math.min(times.alone, await time(false));
    times.beside = Math.min(times.beside, await time(true));
  }
  return times.beside / times.alone;
}

const [BUSY, IDLE] = ['1', '0'];

/** Repeats a loop for 50 ms, and says how long one took, in ms. Both end with the pipe to this process. */
const LOOP = `
let sum = 0;
const run = () => { for (let i = 0; i < 1e5; i += 1) sum = (sum * 31 + i) | 0; };
const timed = (forMs) => {
  const from = performance.now();
  let [count, ms] = [0, 0];
  for (; ms < forMs; ms = performance.now() - from) { run(); count += 1; }
  return ms / count;
};
timed(20);
process.stdin.on('data', () => process.stdout.write(String(timed(50)))).on('end', () => process.exit());
`;
/** Works without a pause, from one word to the next. */
const SPINNER = `
let isBusy = false;
const turn = () => {
  for (const end = performance.now() + 5; performance.now() < end; );
  if (isBusy) setImmediate(turn);
};
process.stdin.on('data', (word) => {
  const wasBusy = isBusy;
  isBusy = String(word) === '${BUSY}';
  if (isBusy && !wasBusy) setImmediate(turn);
  process.stdout.write('0');
}).on('end', () => process.exit());
`;

async function end(process: Told): Promise<void> {
  if (process.exitCode !== null || process.signalCode !== null) return;
  process.kill('SIGKILL');
  await once(process, 'close');
}

type Told = ReturnType<typeof startOn>;

function startOn(cpu: number, program: string) {
  return spawn('taskset', ['-c', String(cpu), process.execPath, '-e', program], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
}
