import { configDefaults, defineConfig } from 'vitest/config';

/** What a large program or a right is needed for: .ci/run and the workflow set the variable where there is one. */
const NEEDS: Readonly<Record<string, string>> = {
  SESSION_BENCH_DOCKER: 'bench/environment/services/docker.service.test.ts',
  SESSION_BENCH_QUOTA: 'bench/environment/machine/host-quota.service.test.ts',
};
const lacking = Object.entries(NEEDS).flatMap(([variable, file]) =>
  process.env[variable] === '1' ? [] : [file],
);

const ROOMS = '{bench,servers,stores,scripts}/**';
const OTHER_LANES = ['service', 'system', 'proof'].map((lane) => `${ROOMS}/*.${lane}.test.ts`);

interface Lane {
  include: string[];
  exclude?: string[];
  setupFiles?: string[];
  maxWorkers?: number | string;
}

/** A lane runs when the one before it has ended: what is quick and says most comes first. */
const lane = (name: string, order: number, test: Lane) => ({
  extends: true as const,
  test: {
    name,
    ...test,
    exclude: [...configDefaults.exclude, ...lacking, ...(test.exclude ?? [])],
    sequence: { groupOrder: order },
  },
});

export default defineConfig({
  test: {
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Of what goes side by side in a file: it starts processes, and two processors are few.
    maxConcurrency: 3,
    projects: [
      // No service, socket or child process, which bench/tests/unit-lane.ts enforces.
      lane('unit', 0, {
        include: [`${ROOMS}/*.test.ts`],
        exclude: OTHER_LANES,
        setupFiles: ['bench/tests/unit-lane.ts'],
        maxWorkers: '100%',
      }),
      // One part on a real service, socket or process: they wait more than they compute.
      lane('service', 1, { include: [`${ROOMS}/*.service.test.ts`], maxWorkers: 3 }),
      // Races, fuzzers, planted faults, simulations.
      lane('proof', 2, { include: [`${ROOMS}/*.proof.test.ts`], maxWorkers: 2 }),
      // Whole commands, and what measures load: one at a time.
      lane('system', 3, { include: [`${ROOMS}/*.system.test.ts`], maxWorkers: 1 }),
    ],
  },
});
