import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { printSeed } from '../../stores/suite/seed.ts';
import { checksOf } from './catalogue.ts';
import { openTestRig, subjectOfChoice } from './fixtures/sites.ts';
import type { Rig } from './rig.ts';
import { runChecks } from './run.ts';
import { openSite } from './site.ts';

/** Our own sites over TLS are as expected, and checks 51 to 53 turn red when a line of the edge's configuration is wrong. */

const EDGES = ['haproxy', 'nginx'] as const;
type Edge = (typeof EDGES)[number];
const SITE_TIMEOUT_MS = 120_000;
/** Of TLS, and some that send tokens and raw bytes or restart a server. */
const OVER_TLS = '1,7,8,14,26,40,46,49a,51,52,53'.split(',');
const SERVED =
  'location / { proxy_pass http://servers; proxy_set_header Host $http_host; add_header Strict-Transport-Security "max-age=31536000" always; }';

const PLANTED: readonly {
  what: string;
  edge: Edge;
  change: (text: string) => string;
  red: readonly string[];
}[] = [
  {
    what: 'no Strict-Transport-Security',
    edge: 'haproxy',
    change: (text) => text.replace(/^.*Strict-Transport-Security.*\n/m, ''),
    red: ['53'],
  },
  {
    what: 'Strict-Transport-Security for five minutes',
    edge: 'nginx',
    change: (text) => text.replaceAll('max-age=31536000', 'max-age=300'),
    red: ['53'],
  },
  {
    what: 'plain HTTP to the servers',
    edge: 'haproxy',
    change: (text) => text.replace(/^ {2}http-request redirect .*$/m, '  default_backend servers'),
    red: ['51', '52'],
  },
  {
    what: 'plain HTTP to the servers, with the header',
    edge: 'nginx',
    change: (text) => text.replace(/return 308 .*;/, SERVED),
    red: ['51', '52', '53'],
  },
  {
    what: 'a redirect that is not permanent',
    edge: 'haproxy',
    change: (text) => text.replace('code 308', 'code 302'),
    red: ['52'],
  },
  {
    what: 'a redirect that loses the path',
    edge: 'nginx',
    change: (text) => text.replace('$request_uri', '/'),
    red: ['52'],
  },
  {
    what: 'a redirect to another host',
    edge: 'haproxy',
    change: (text) => text.replace('location https://127.0.0.1', 'location https://localhost'),
    red: ['52'],
  },
];

const seed = printSeed('planted edge faults');
const rigs = new Map<Edge, Awaited<ReturnType<typeof openTestRig>>>();
beforeAll(async () => {
  for (const edge of EDGES) rigs.set(edge, await openTestRig(edge, true));
});
afterAll(() => Promise.all([...rigs.values()].map(({ close }) => close())));
const rigOf = (edge: Edge) => rigs.get(edge)?.rig as Rig;

async function cellsOf(edge: Edge, rig: Rig, store: string, ids: readonly string[]) {
  const subject = subjectOfChoice({ store, balancer: edge, tls: true });
  const site = await openSite({ subject, rig, seed, tries: 9 });
  try {
    return await runChecks(site, checksOf(ids));
  } finally {
    await site.close();
  }
}

/** A rig whose balancer starts with a changed configuration. */
function rigWith(edge: Edge, change: (text: string) => string): Rig {
  const rig = rigOf(edge);
  const { balancer } = rig.balancer;
  return {
    ...rig,
    balancer: {
      ...rig.balancer,
      balancer: {
        ...balancer,
        launch(binary, plan) {
          const launch = balancer.launch(binary, plan);
          const files = launch.files.map(({ path, text }) => ({ path, text: change(text) }));
          expect(files).not.toEqual(launch.files);
          return { ...launch, files };
        },
      },
    },
  };
}

describe.concurrent.each(EDGES)('%s that terminates TLS', (edge) => {
  test.each(['redis', 'jwt'])(
    'before %s: all is as expected',
    async (store) => {
      const cells = await cellsOf(edge, rigOf(edge), store, OVER_TLS);
      expect(cells.map(({ id }) => id)).toEqual(OVER_TLS);
      expect(cells.filter(({ surprise }) => surprise)).toEqual([]);
      for (const id of ['51', '52', '53'])
        expect(cells.find((cell) => cell.id === id)?.observed).toBe('pass');
    },
    SITE_TIMEOUT_MS,
  );
});

describe.concurrent('a planted fault of the edge', () => {
  test.each(PLANTED)(
    '$what at $edge turns $red red, and nothing else',
    async ({ edge, change, red }) => {
      const cells = await cellsOf(edge, rigWith(edge, change), 'redis', ['51', '52', '53']);
      expect(cells.filter(({ surprise }) => surprise).map(({ id }) => id)).toEqual(red);
      expect(cells.filter(({ observed }) => observed === 'error')).toEqual([]);
    },
    SITE_TIMEOUT_MS,
  );
});
