/**
 * Variables that name a repository or a part of one (`git rev-parse --local-env-vars`, and what hooks get besides). A
 * hook has them set to its own, which would mislead a git that is called for another.
 */
const OF_A_REPOSITORY = new Set([
  'GIT_ALTERNATE_OBJECT_DIRECTORIES',
  'GIT_ATTR_SOURCE',
  'GIT_COMMON_DIR',
  'GIT_DIR',
  'GIT_GRAFT_FILE',
  'GIT_IMPLICIT_WORK_TREE',
  'GIT_INDEX_FILE',
  'GIT_INTERNAL_SUPER_PREFIX',
  'GIT_NAMESPACE',
  'GIT_NO_REPLACE_OBJECTS',
  'GIT_OBJECT_DIRECTORY',
  'GIT_PREFIX',
  'GIT_QUARANTINE_PATH',
  'GIT_REFERENCE_BACKEND',
  'GIT_REPLACE_REF_BASE',
  'GIT_SHALLOW_FILE',
  'GIT_WORK_TREE',
]);

/**
 * The environment for git in a folder of our choice. The user's configuration stays (`GIT_CONFIG_COUNT` and others):
 * containers name a safe.directory by it, and CI systems their credentials.
 */
export function gitEnvironment(
  given: Readonly<Record<string, string | undefined>> = process.env,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(given).flatMap(([name, value]) =>
      value === undefined || OF_A_REPOSITORY.has(name) ? [] : [[name, value]],
    ),
  );
}
