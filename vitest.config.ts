import { accessSync, constants } from 'node:fs';
import { configDefaults, defineConfig } from 'vitest/config';

/** Needs an engine that answers; .ci/run and the workflow set the variable where one does. */
const dockerTests =
  process.env['SESSION_BENCH_DOCKER'] === '1' ? [] : ['bench/environment/services/docker.test.ts'];

/** Needs the right to make a control group, which root has where they are not sealed off. */
const quotaTests = ['/sys/fs/cgroup/cpu/cgroup.procs', '/sys/fs/cgroup/cgroup.subtree_control'].some(
  isWritable,
)
  ? []
  : ['bench/environment/host-quota.test.ts'];

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch (error) {
    if (['ENOENT', 'EACCES', 'EROFS'].includes((error as NodeJS.ErrnoException).code ?? '')) return false;
    throw error;
  }
}

export default defineConfig({
  test: {
    include: ['{bench,servers,stores,scripts}/**/*.test.ts'],
    exclude: [...configDefaults.exclude, ...dockerTests, ...quotaTests],
    // Real services and real processes: two cores are soon full, so files run one at a time.
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
