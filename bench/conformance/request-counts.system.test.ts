import { expect, test } from 'vitest';
import { openTogether } from '../environment/processes/resources.ts';
import { checksOf } from './catalogue.ts';
import { externalScene } from './external-site.ts';
import { requestsOf } from './request-counts.ts';
import { openRig } from './rig.ts';
import { runChecks } from './run.ts';
import { openSite } from './site.ts';
import { subjectOf } from './subject.ts';

/** One of our sites, as if it were external: it offers every operation. */
async function requestsOfEach(store: string, tries: number): Promise<Record<string, number>> {
  return openTogether(async (resources) => {
    const { signal } = new AbortController();
    const rig = await openRig({ balancer: 'node', tier: 'auto', signal }, resources);
    const place = { servers: 3, affinity: 'round-robin', balancer: 'node', durability: 'second' } as const;
    const subject = subjectOf({ store, options: {} }, place);
    const site = await openSite({ subject, rig, seed: 1, tries });
    resources.add('site', site.close);
    const contract = {
      ...site.contract,
      ...{ name: 'x', traits: subject.traits, foreign: { readsNobody: false } },
    };
    const scene = externalScene(site.target, contract, { seed: 1, tries, resources });
    const counts: Record<string, number> = {};
    await runChecks(scene, checksOf(undefined), {
      onCell: ({ id }) => {
        counts[id] = scene.account().requests;
      },
    });
    await resources.close();
    return counts;
  });
}

test.each(['redis', 'jwt-blacklist'])(
  'no check sends more requests than is said beforehand: %s',
  async (store) => {
    const counts = await requestsOfEach(store, 20);
    expect(Object.keys(counts).length).toBe(checksOf(undefined).length);
    // Races send as many as fit.
    const tooMany = Object.entries(counts).filter(([id, count]) => count > 1.5 * requestsOf(id, 20) + 20);
    expect(tooMany).toEqual([]);
    // And what is said is not far from it, where it is much.
    for (const id of ['5', '25', '46']) expect(counts[id]).toBeGreaterThan(0.5 * requestsOf(id, 20));
  },
);
