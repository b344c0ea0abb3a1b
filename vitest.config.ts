import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['{bench,servers,stores,scripts}/**/*.test.ts'],
    // Real services and real processes: two cores are soon full, so files run one at a time.
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
