/** The words that flags take. */

export const BALANCERS = ['auto', 'haproxy', 'nginx', 'node', 'none'] as const;
export const AFFINITIES = ['round-robin', 'sticky'] as const;
export const SCENARIOS = ['read', 'update', 'login', 'logout', 'mixed', 'revocation'] as const;
export const TRANSPORTS = ['cookie', 'bearer'] as const;
export const DURABILITIES = ['none', 'second', 'commit'] as const;
export const TIERS = ['auto', 'url', 'docker', 'local', 'embedded'] as const;
export const KEY_DISTRIBUTIONS = ['uniform', 'zipf'] as const;
export const ENGINES = ['slices', 'autocannon'] as const;
export const ARRIVALS = ['poisson', 'constant'] as const;
export const PRESETS = ['glance', 'quick', 'ci', 'full', 'gate'] as const;
