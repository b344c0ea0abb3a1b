/** The words that flags take. */

export const BALANCERS = ['auto', 'haproxy', 'nginx', 'node', 'none'] as const;
export const AFFINITIES = ['round-robin', 'sticky'] as const;
export const SCENARIOS = [
  'read',
  'update',
  'login',
  'logout',
  'visit',
  'mixed',
  'revocation',
  'failure',
] as const;
export type Scenario = (typeof SCENARIOS)[number];
/** What breaks in the scenario failure. */
export const FAULTS = [
  'kill-server',
  'restart-servers',
  'add-server',
  'kill-store',
  'freeze-store',
  'full-store',
  'full-store-lru',
  'full-store-ttl',
] as const;
export type Fault = (typeof FAULTS)[number];
export const TRANSPORTS = ['cookie', 'bearer'] as const;
/**
 * Where a service comes from, in the order of preference of `auto`: external, binary of this machine, binary from npm,
 * official image.
 */
export const TIERS = ['url', 'local', 'embedded', 'docker'] as const;
export type Tier = (typeof TIERS)[number];
export const KEY_DISTRIBUTIONS = ['uniform', 'zipf'] as const;
export const ENGINES = ['slices', 'autocannon'] as const;
export const ARRIVALS = ['poisson', 'constant'] as const;
export type Arrivals = (typeof ARRIVALS)[number];
export const PRESETS = ['glance', 'quick', 'ci', 'full', 'gate'] as const;
