import type { CollectConfig } from './config.ts';
import type { WorkerJob } from './job.ts';

/** The part of the load that one worker makes. Pure but for the time, which tells the users of two runs apart. */

/** @param index of the worker, from 0. */
export function shareOf(config: CollectConfig, index: number, nowMs: number = Date.now()): WorkerJob {
  const { contract, workers, scenario, keys, seed, ratePerSecond, arrivals } = config;
  const connections = config.connections / workers;
  return {
    job: {
      targets: [config.url],
      wire: contract.wire ?? {},
      servers: [],
      scenario,
      transport: 'cookie',
      payloadBytes: 0,
      connections,
      sessions: Math.max(connections, Math.floor(config.sessions / workers)),
      keys,
      // Arrivals and keys of two workers are not the same.
      seed: (seed + index) % 2 ** 32,
      password: '',
      site: { ...contract, userBase: userBase(index, nowMs) },
    },
    warmupSeconds: config.warmupSeconds,
    durationSeconds: config.durationSeconds,
    load:
      ratePerSecond === undefined
        ? { model: 'closed' }
        : { model: 'open', ratePerSecond: ratePerSecond / workers, arrivals },
  };
}

/** Begins the numbers of a worker's users: neither another worker nor an earlier load has used them. */
function userBase(index: number, nowMs: number): string {
  return `${Math.floor(nowMs / 1000) % 1_000_000_000}${String(index).padStart(3, '0')}`;
}
