import { type ArmLoad, prepareArm } from './arm-load.ts';
import type { FromGenerator, ToGenerator } from './job.ts';
import { UnsupportedError } from './population.ts';

/** The load generator's process: one for all arms, which it loads one at a time on request of the harness over IPC. */

const arms = new Map<number, ArmLoad>();

function send(message: FromGenerator): void {
  process.send?.(message);
}

async function handle(message: ToGenerator): Promise<FromGenerator> {
  if (message.type === 'prepare') {
    const arm = await prepareArm(message.job, (text) => send({ type: 'progress', text }));
    arms.set(message.arm, arm);
    return { type: 'prepared', sessionsLive: arm.sessionsLive };
  }
  const arm = arms.get(message.arm);
  if (arm === undefined) throw new Error(`arm ${message.arm} is not prepared`);
  switch (message.type) {
    case 'replenish':
      await arm.replenish(message.seconds);
      return { type: 'replenished' };
    case 'fill':
      await arm.fill();
      return { type: 'filled' };
    case 'slice':
      return {
        type: 'sliced',
        slice: await arm.slice(message.seconds, message.load, () => send({ type: 'began' })),
      };
    case 'collect':
      return { type: 'collected', result: await arm.collect() };
  }
}

process.on('message', (message: ToGenerator) => {
  handle(message).then(send, (error: unknown) => {
    if (error instanceof UnsupportedError) send({ type: 'unsupported', reason: error.message });
    else send({ type: 'failed', message: error instanceof Error ? error.message : String(error) });
  });
});
// The harness has died, even by kill -9.
process.on('disconnect', () => process.exit(0));
send({ type: 'ready', port: 0 });
