/** What every balancer is told, and what it answers: how to start it. Starting it is the harness's work. */

/** One server behind the balancer. `id` is a short ASCII word, stable over the balancer's life. */
export interface Upstream {
  id: string;
  host: string;
  port: number;
}

export type Affinity = 'sticky' | 'round-robin';

export interface BalancerPlan {
  /** Where to listen. The port is free and chosen by the caller. */
  host: string;
  port: number;
  upstreams: readonly Upstream[];
  affinity: Affinity;
  /** A private directory for configuration, sockets and temporary files; removed by the caller. */
  directory: string;
}

/** How to start a balancer: a command, the files it needs beforehand, and how readiness shows. */
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
  /**
   * Path of the program that would be used; `undefined` when this machine has none. For the built-in it is
   * its entry script: pass the path of a bundle of it to `launch` instead, and that is run.
   */
  find(): string | undefined;
  /** Version text such as `2.6.12`, asked of the program. Throws when it cannot be run. */
  version(binary: string): Promise<string>;
  /** Throws a `RangeError` when the plan cannot be written into a configuration file. */
  launch(binary: string, plan: BalancerPlan): Launch;
}

/**
 * Refuses a plan whose words could mean something else inside a configuration file (spaces, quotes, new
 * lines), or that names no server, or one twice.
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
  if (!/^[^\s"'\\$;{}#]+$/.test(plan.directory))
    refuse('a directory without spaces or quotes', plan.directory);
}

/** `host:port` as URLs and configuration files write it, IPv6 in brackets (RFC 3986 §3.2.2). */
export function authority(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
