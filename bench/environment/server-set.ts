import { freePort } from '../../stores/free-port.ts';
import type { StartedProcess } from './processes/process.ts';
import { sendSignal } from './processes/process-identity.ts';
import type { Resources } from './processes/resources.ts';

/** The server processes of a site, which can be ended and started again, each on its port. */
export interface ServerSet {
  /** One for each server, also for those that have not been started yet. */
  ports: readonly number[];
  /** The process of each server that has been started, the last one where there were several. */
  processes: readonly StartedProcess[];
  /** `kill -9`; resolves when it is gone. Its end is not reported as unexpected. */
  kill(server: number): Promise<void>;
  /** As a deploy does, by SIGTERM. */
  stop(server: number): Promise<void>;
  /** Resolves when it accepts connections; a balancer in front of it may take longer to use it. */
  start(server: number): Promise<void>;
}

const HOST = '127.0.0.1';

/**
 * Starts this many servers, and keeps ports for `spares` more, which follow them in number.
 * @param launch starts one; on a free port for 0.
 * @throws what `launch` throws.
 */
export async function openServerSet(
  count: number,
  launch: (server: number, port: number) => Promise<StartedProcess>,
  resources: Resources,
  spares = 0,
): Promise<ServerSet> {
  const launches = Array.from({ length: count }, (_, server) => launch(server, 0));
  resources.add('servers', async () => {
    const settled = await Promise.allSettled(launches);
    await Promise.all(settled.map((one) => (one.status === 'fulfilled' ? one.value.stop() : undefined)));
  });
  const processes = await Promise.all(launches);
  const ports = processes.map(({ port }) => port as number);
  for (let spare = 0; spare < spares; spare += 1) ports.push(await freePort(HOST));
  const of = (server: number) => processes[server] as StartedProcess;
  return {
    ports,
    processes,
    async kill(server) {
      sendSignal(of(server).pid, 'SIGKILL');
      await of(server).stop();
    },
    stop: (server) => of(server).stop(),
    async start(server) {
      const launched = launch(server, ports[server] as number);
      launches.push(launched);
      processes[server] = await launched;
    },
  };
}
