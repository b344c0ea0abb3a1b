/** The interface of a balancer: it describes how to start the process, and the harness starts it. */

/** One server behind the balancer. `id` is a short ASCII word, unchanged over the balancer's life. */
export interface Upstream {
  id: string;
  host: string;
  port: number;
}

export type Affinity = 'sticky' | 'round-robin';

/** TLS at the edge: the balancer speaks it to clients, and plain HTTP to the servers. */
export interface EdgeTls {
  /** Path of a PEM file with the certificate and its key. */
  certificate: string;
  /** Where to listen for plain HTTP too: every request there is redirected to the TLS port. Absent: nowhere. */
  plainPort?: number;
}

export interface BalancerPlan {
  /** Where to listen. The caller chooses a free port. */
  host: string;
  port: number;
  /** Absent: plain HTTP. */
  tls?: EdgeTls;
  upstreams: readonly Upstream[];
  affinity: Affinity;
  /** A private directory for configuration, sockets and temporary files; the caller removes it. */
  directory: string;
}

/** How to start a balancer: a command, the files to write first, and how to detect that it is ready. */
export interface Launch {
  command: string;
  args: readonly string[];
  env?: Readonly<Record<string, string>>;
  files: readonly { path: string; text: string }[];
  /** `ipc`: sends a {@link ReadyMessage}. `tcp`: ready when the port accepts a connection. */
  ready: 'ipc' | 'tcp';
}

export interface Balancer {
  name: 'haproxy' | 'nginx' | 'node';
  /** Whether `launch` takes a plan with `tls`. */
  terminatesTls: boolean;
  /**
   * Path of the program; `undefined` when it is not installed. For the built-in it is its entry script; `launch` also
   * accepts the path of a bundle of it.
   */
  find(): string | undefined;
  /** The oldest version whose configuration has all that a plan needs; absent for the built-in. */
  least?: string;
  /** Version such as `2.6.12`, as the program prints it. Throws when the program cannot be run. */
  version(binary: string): Promise<string>;
  /**
   * Throws a `RangeError` when the plan cannot be expressed in a configuration file. `version` is what
   * {@link version} returned, for what older programs lack; default a current one.
   */
  launch(binary: string, plan: BalancerPlan, version?: string): Launch;
}

/**
 * Rejects a plan whose words could have another meaning in a configuration file (spaces, quotes, line breaks), or that
 * has no server or the same server twice.
 */
export function assertPlan(plan: BalancerPlan): void {
  const refuse = (what: string, got: unknown): never => {
    throw new RangeError(`balancer plan: expected ${what}, got ${JSON.stringify(got)}`);
  };
  const address = (host: string, port: number): void => {
    if (!/^[\w.:-]+$/.test(host)) refuse('a host name or address', host);
    if (!Number.isInteger(port) || port < 1 || port > 65_535) refuse('a port from 1 to 65535', port);
  };
  address(plan.host, plan.port);
  if (plan.upstreams.length === 0) refuse('at least one upstream', plan.upstreams);
  for (const { id, host, port } of plan.upstreams) {
    if (!/^[\w-]{1,32}$/.test(id)) refuse('an upstream id of letters, digits, - and _', id);
    address(host, port);
  }
  const ids = plan.upstreams.map(({ id }) => id);
  if (new Set(ids).size !== ids.length) refuse('distinct upstream ids', ids);
  // The others stand within quotes: a folder for temporary files may have a space in its name.
  const assertPath = (what: string, path: string): void => {
    if (!/^[^\p{Cc}"'\\$]+$/u.test(path)) refuse(`${what} without quotes, $ and \\`, path);
  };
  assertPath('a directory', plan.directory);
  if (plan.tls === undefined) return;
  assertPath('the path of a certificate', plan.tls.certificate);
  if (plan.tls.plainPort !== undefined) address(plan.host, plan.tls.plainPort);
}

/**
 * A browser that has seen it sends no plain HTTP to this host for a year (RFC 6797; ASVS 5 V3.4.1). Sent over TLS only
 * (§7.2).
 */
export const HSTS = 'max-age=31536000; includeSubDomains';

/** Key exchanges of a TLS edge, the preferred one first. A post-quantum one would depend on the client's version. */
export const TLS_GROUPS = ['X25519', 'P-256'] as const;

/** `host:port` as in URLs and configuration files, IPv6 in brackets (RFC 3986 §3.2.2). */
export function authority(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
