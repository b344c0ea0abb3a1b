import { configDefaults, defineConfig } from 'vitest/config';

/** Tests that need a large program or a privilege. .ci/run and the workflow set the variable where it is available. */
const NEEDS: Readonly<Record<string, string>> = {
  SESSION_BENCH_DOCKER: 'bench/environment/services/docker.service.test.ts',
  SESSION_BENCH_EXPORTER: 'bench/environment/exporter/node-exporter.service.test.ts',
  SESSION_BENCH_LOCUST: 'bench/workers/locust.system.test.ts',
  SESSION_BENCH_MONGODB: 'stores/mongodb/store.service.test.ts',
  SESSION_BENCH_QUOTA: 'bench/environment/machine/host-quota.service.test.ts',
  SESSION_BENCH_SWARM: 'bench/tests/swarm.load.test.ts',
  SESSION_BENCH_KUBERNETES: 'bench/tests/kubernetes.system.test.ts',
};
const lacking = Object.entries(NEEDS).flatMap(([variable, file]) =>
  process.env[variable] === '1' ? [] : [file],
);

const ROOMS = '{bench,servers,stores,scripts}/**';
const OTHER_LANES = ['service', 'system', 'proof', 'load'].map((lane) => `${ROOMS}/*.${lane}.test.ts`);

/** Whole commands on a slow machine: what stands still is found all the same. */
const LONG_MS = 300_000;

interface Lane {
  include: string[];
  /** For a test and for a hook, one minute by default. */
  limitMs?: number;
  exclude?: string[];
  setupFiles?: string[];
  maxWorkers?: number | string;
}

/** A lane runs when the previous one has ended: the quick and most informative ones first. */
const lane = (name: string, order: number, { limitMs = 60_000, ...test }: Lane) => ({
  extends: true as const,
  test: {
    name,
    testTimeout: limitMs,
    hookTimeout: limitMs,
    ...test,
    exclude: [...configDefaults.exclude, ...lacking, ...(test.exclude ?? [])],
    sequence: { groupOrder: order },
  },
});

export default defineConfig({
  test: {
    // Of what goes side by side in a file: it starts processes, and two processors are few.
    maxConcurrency: 3,
    projects: [
      // No service, socket or child process, enforced by bench/tests/unit-lane.ts.
      lane('unit', 0, {
        include: [`${ROOMS}/*.test.ts`],
        exclude: OTHER_LANES,
        setupFiles: ['bench/tests/unit-lane.ts'],
        maxWorkers: '100%',
      }),
      // One part on a real service, socket or process: they mostly wait.
      lane('service', 1, { include: [`${ROOMS}/*.service.test.ts`], maxWorkers: 3 }),
      // Races, fuzzers, planted faults, simulations.
      lane('proof', 2, { include: [`${ROOMS}/*.proof.test.ts`], limitMs: LONG_MS, maxWorkers: 2 }),
      // Whole commands: what comes of them, not how fast.
      lane('system', 3, { include: [`${ROOMS}/*.system.test.ts`], limitMs: LONG_MS, maxWorkers: 2 }),
      // Figures of load and of time: one at a time.
      lane('load', 4, { include: [`${ROOMS}/*.load.test.ts`], limitMs: LONG_MS, maxWorkers: 1 }),
    ],
  },
});
