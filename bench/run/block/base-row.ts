import { isComparator } from '../../../stores/comparators/definition.ts';
import { findStore } from '../../../stores/registry.ts';
import type { Config } from '../../config/config.ts';
import { kindOf, sourcesFor } from '../../config/cpu-from.ts';
import { lifetimesOf } from '../../config/lifetimes.ts';
import { versionsText } from '../../environment/comparator-packages.ts';
import type { RunContext } from '../../environment/context.ts';
import { EDGE_TLS } from '../../environment/edge.ts';
import type { MachineCells } from '../../environment/machine/machine.ts';
import { pinningText } from '../../environment/machine/pinning.ts';
import type { StartedService } from '../../environment/services/service.ts';
import { type Row, SCHEMA_VERSION } from '../../results/row.ts';
import type { Trial } from '../plan.ts';

/** The cells of a trial that are known before anything has started. @param versions of a module of the user's. */
export function baseRow(
  trial: Trial,
  context: RunContext,
  machine: MachineCells,
  service?: StartedService,
  versions?: string,
): Row {
  const { config, runId, pinning } = context;
  const definition = findStore(trial.store);
  const connections = definition?.connections(trial.options, config.poolSize) ?? 0;
  // Containers and external services cannot be pinned.
  const isOwn = service !== undefined && service.tier !== 'url' && service.tier !== 'docker';
  const cpuFrom = kindOf(sourcesFor(config, trial));
  const isOpen = config.rate !== undefined || trial.fault !== undefined;
  const arrivals = trial.fault === undefined ? config.arrivals : 'constant';
  return {
    schema_version: SCHEMA_VERSION,
    run_id: runId,
    started_at: new Date().toISOString(),
    ...machine,
    ...(trial.side === 'base' ? context.baselineCells : {}),
    arm: trial.arm,
    store: trial.store,
    variant: trial.variant,
    ...versionCells(trial, versions),
    ...(trial.site === undefined ? ownCells(trial, context) : { target: trial.site.url }),
    transport: config.transport,
    scenario: trial.scenario,
    ...(trial.fault === undefined ? {} : { fault: trial.fault }),
    key_distribution: config.keys,
    ...(connections === 0 ? {} : { pool_size: connections }),
    ...(pinning === undefined ? {} : { pinning: pinningText(pinning, isOwn) }),
    ...(cpuFrom === undefined ? {} : { cpu_from: cpuFrom }),
    ...(context.staysAwake && trial.fault === undefined ? { generator_mode: 'awake' } : {}),
    engine: config.engine,
    pass: config.equalLoad ? 'equal-load' : isOpen ? 'latency' : 'capacity',
    load_model: isOpen ? `open-${arrivals}` : 'closed',
    connections: config.connections,
    block: `${runId}-${trial.block}`,
    order_index: trial.orderIndex,
    seed: config.seed,
    warmup_s: trial.fault === undefined ? config.warmupSeconds : 0,
  };
}

/** The packages that serve a library, or a module of the user's. */
function versionCells({ store, options, module }: Trial, versions: string | undefined): Row {
  if (module !== undefined) return versions === undefined ? {} : { library_versions: versions };
  const definition = findStore(store);
  if (definition === undefined || !isComparator(definition)) return {};
  return { library_versions: versionsText(definition.packages(options)) };
}

function lifetimeCells(config: Config): Row {
  const { idleSeconds, touchSeconds } = lifetimesOf(config);
  return {
    ...(touchSeconds === undefined ? {} : { touch_s: touchSeconds }),
    ...(idleSeconds === undefined ? {} : { idle_s: idleSeconds }),
    ...(config.expiring === undefined ? {} : { expiring_sessions: config.expiring }),
    ...(config.churn === undefined ? {} : { churned_sessions: config.churn }),
  };
}

/** What is known of our own servers, and not of an external site. */
function ownCells(trial: Trial, { chosenBalancer: chosen, certificates, config }: RunContext): Row {
  return {
    servers: trial.servers,
    balancer: chosen?.balancer.name ?? 'none',
    ...(chosen === undefined ? {} : { balancer_version: chosen.version }),
    ...(certificates === undefined ? {} : { edge_tls: EDGE_TLS }),
    affinity: trial.affinity,
    payload_bytes: trial.payloadBytes,
    ...(trial.innerServers === undefined ? {} : { inner_servers: trial.innerServers }),
    ...(trial.storeDistanceMs === undefined ? {} : { store_distance_ms: trial.storeDistanceMs }),
    ...lifetimeCells(config),
  };
}
