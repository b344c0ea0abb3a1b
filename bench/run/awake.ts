import type { Config } from '../config/config.ts';
import type { ChosenBalancer } from '../environment/balancer.ts';
import { parseCpuList } from '../environment/machine/cpu-list.ts';
import { HOST } from '../environment/machine/host.ts';
import type { Pinning } from '../environment/machine/pinning.ts';
import { areSiblings } from '../environment/machine/siblings.ts';
import { BenchError } from '../errors.ts';

/**
 * Whether the load generator polls without sleeping while it measures: only with a processor to itself, for polling
 * takes time from whatever shares it. By default also not under a quota, which polling would use up, and not on two
 * threads of one core, which slow each other down.
 * @throws BenchError CONFLICT when `--awake` asks for it and it may not.
 */
export async function decideAwake(
  { awake, preset, storeDistancesMs }: Pick<Config, 'awake' | 'preset' | 'storeDistancesMs'>,
  pinning: Pinning | undefined,
  balancer: ChosenBalancer | undefined,
): Promise<boolean> {
  if (awake === false || (awake === undefined && preset === 'glance')) return false;
  const obstacle = obstacleOf(pinning, balancer, storeDistancesMs !== undefined);
  if (awake === undefined) return obstacle === undefined && !HOST.hasQuota && !(await isShared(pinning));
  if (obstacle === undefined) return true;
  throw new BenchError({
    code: 'CONFLICT',
    expected: 'a processor for the load generator alone with --awake',
    ...obstacle,
  });
}

function obstacleOf(
  pinning: Pinning | undefined,
  balancer: ChosenBalancer | undefined,
  hasRelay: boolean,
): { got: string; remedy: string } | undefined {
  if (pinning === undefined) return { got: 'no --pin', remedy: 'Add --pin.' };
  if (pinning.balancer !== pinning.generator) return undefined;
  if (hasRelay)
    return {
      got: 'the relay of --store-distance on its processor',
      remedy: 'Leave --awake or --store-distance out.',
    };
  if (balancer === undefined) return undefined;
  return { got: 'a balancer on its processor', remedy: 'Add --balancer none, or leave --awake out.' };
}

async function isShared(pinning: Pinning | undefined): Promise<boolean> {
  const [own] = parseCpuList(pinning?.generator ?? '');
  const [other] = parseCpuList(pinning?.server ?? '');
  return own !== undefined && other !== undefined && (await areSiblings(other, own));
}
