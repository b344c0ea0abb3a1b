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
  /** Path of the binary that would be used; `undefined` when this machine has none. */
  find(): string | undefined;
  /** Version text such as `2.6.12`, asked of the binary. Throws when it cannot be run. */
  version(binary: string): Promise<string>;
  launch(binary: string, plan: BalancerPlan): Launch;
}
