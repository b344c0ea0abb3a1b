import { configDefaults, defineConfig } from 'vitest/config';

/** Needs an engine that answers; .ci/run and the workflow set the variable where one does. */
const dockerTests =
  process.env['SESSION_BENCH_DOCKER'] === '1' ? [] : ['bench/environment/services/docker.test.ts'];

export default defineConfig({
  test: {
    include: ['{bench,servers,stores,scripts}/**/*.test.ts'],
    exclude: [...configDefaults.exclude, ...dockerTests],
    // Real services and real processes: two cores are soon full, so files run one at a time.
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
