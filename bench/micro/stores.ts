import { randomBytes } from 'node:crypto';
import { openStore } from '../../stores/open.ts';
import { defaultOptions } from '../../stores/options.ts';
import { STORES } from '../../stores/registry.ts';
import { type Durability, durabilityInForce } from '../../stores/service.ts';
import type { OpenContext, StoreDefinition, StoreOptions } from '../../stores/store.ts';
import { traitsOf } from '../../stores/traits.ts';
import { type Guard, openGuard } from '../environment/processes/guard.ts';
import { openTogether, type Resources } from '../environment/processes/resources.ts';
import type { StartedService } from '../environment/services/service.ts';
import { startService } from '../environment/services/start.ts';
import { BenchError } from '../errors.ts';
import { baselines } from './baselines.ts';
import type { GroupContext } from './group-context.ts';
import { DATA_BYTES, sessionOperations } from './session-operations.ts';

/** Or what the service can provide. */
const DURABILITY: Durability = 'second';
const POOL_SIZE = 10;
/** Connections in addition to the pool, for administration. */
const SPARE_CONNECTIONS = 20;
/** Longer than any measurement, so that nothing expires meanwhile. */
const LIFE_SECONDS = 7 * 86_400;
/** What fits in a cookie (RFC 6265 §6.1), minus its name. */
const MAX_TOKEN_BYTES = 4_000;

/**
 * Every store of the registry, each on a fresh service; a store without an available service is skipped. Services and
 * guard are closed when it settles in any way.
 */
export function measureStores(context: GroupContext): Promise<void> {
  return openTogether(async (resources) => {
    for (const baseline of baselines('async')) await context.measure(baseline);
    const guard = await openGuard();
    resources.add('guard', guard.close);
    for (const definition of STORES) await measureStore(definition, guard, context);
    await resources.close();
  });
}

function measureStore(definition: StoreDefinition, guard: Guard, context: GroupContext): Promise<void> {
  return openTogether(async (resources) => {
    const options = defaultOptions(definition);
    const durability = durabilityInForce(definition.service(options), DURABILITY);
    const unproven = definition.service(options)?.unproven;
    if (unproven !== undefined) {
      context.skipOperation(definition.name, unproven);
      await resources.close();
      return;
    }
    let service: StartedService | undefined;
    try {
      service = await serviceFor(definition, options, guard, context, resources);
    } catch (error) {
      if (context.signal.aborted || !(error instanceof BenchError)) throw error;
      context.skipOperation(definition.name, reasonOf(error));
      await resources.close();
      return;
    }
    if (service !== undefined)
      context.note(
        `${definition.name}: ${service.name} ${service.version} (${service.tier}), durability ${durability}`,
      );
    const store = await openStore(definition, openContext(options, durability, service?.url));
    resources.add(definition.name, store.close);
    context.step(`${definition.name}: making sessions`);
    const traits = traitsOf(definition, options, durability);
    for (const operation of await sessionOperations(definition.name, store, traits, service !== undefined))
      await context.measure(operation);
    await resources.close();
  });
}

/** Without the tier `url`, for which this command has no flag. */
function reasonOf({ code, details }: BenchError): string {
  return `${code}: ${details.got.replace(/^url: [^;]*; /, '')}`;
}

async function serviceFor(
  definition: StoreDefinition,
  options: StoreOptions,
  guard: Guard,
  { signal, step }: GroupContext,
  resources: Resources,
): Promise<StartedService | undefined> {
  const used = definition.service(options);
  if (used === undefined) return undefined;
  step(`${definition.name}: starting ${used.name}`);
  const directory = guard.createDirectory('micro');
  resources.add('directory', directory.remove);
  const service = await startService(used, {
    tier: 'auto',
    durability: durabilityInForce(used, DURABILITY),
    directory: directory.path,
    maxConnections: POOL_SIZE + SPARE_CONNECTIONS,
    guard,
    signal,
  });
  resources.add(used.name, service.stop);
  return service;
}

function openContext(
  options: StoreOptions,
  durability: Durability,
  serviceUrl: string | undefined,
): OpenContext {
  const controlData = 'd'.repeat(DATA_BYTES);
  return {
    options,
    durability,
    ...(serviceUrl === undefined ? {} : { serviceUrl }),
    namespace: `m${randomBytes(6).toString('hex')}`,
    poolSize: POOL_SIZE,
    idleSeconds: LIFE_SECONDS / 7,
    absoluteSeconds: LIFE_SECONDS,
    // Every touch writes.
    touchIntervalSeconds: 0,
    accessSeconds: LIFE_SECONDS / 7,
    secret: randomBytes(32),
    maxTokenBytes: MAX_TOKEN_BYTES,
    controlData: () => controlData,
    now: Date.now,
    onBackgroundError(error) {
      // It belongs to no call; a call that it affects throws separately.
      process.emitWarning(error instanceof Error ? error : String(error));
    },
  };
}
