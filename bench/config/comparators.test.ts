import { describe, expect, test } from 'vitest';
import { COMPARATORS } from '../../stores/comparators/libraries.ts';
import { variantsOf } from '../../stores/options.ts';
import { ARMS, SERVICES } from '../../stores/registry.ts';
import { versionsText } from '../environment/comparator-packages.ts';
import { planBlocks } from '../run/plan.ts';
import { parseConfig } from './config.ts';
import { storeText } from './store-choice.ts';
import type { RawOptions } from './values.ts';

const parse = (raw: RawOptions) => parseConfig(raw, {});

describe('libraries as arms', () => {
  test('are named like backends, with options, and beside them', () => {
    const { stores } = parse({ store: 'redis,express-session:store=redis;touch=off,better-auth' });
    expect(stores.map(storeText)).toEqual([
      'redis:pipelining=none;read=get;write=cas',
      'express-session:store=redis;touch=off',
      'better-auth:cookie-cache=off',
    ]);
  });

  test('comparators stands for all of them, with each setting that is compared, once', () => {
    const all = parse({ store: 'comparators' }).stores;
    expect(new Set(all.map(({ store }) => store))).toEqual(new Set(COMPARATORS.map(({ name }) => name)));
    const texts = all.map(storeText);
    expect(texts).toEqual(expect.arrayContaining(['express-session:store=postgres;touch=on']));
    expect(parse({ store: `comparators,${texts[0]}` }).stores).toEqual(all);
    expect(parse({ store: 'none,comparators' }).stores).toHaveLength(all.length + 1);
  });

  test('are arms of the same blocks as ours', () => {
    const blocks = planBlocks(parse({ store: 'none,fastify-session,fastify-jwt', repeat: '2', seed: '1' }));
    expect(blocks.map(({ trials }) => trials.map(({ store }) => store).sort())).toEqual(
      Array(2).fill(['fastify-jwt', 'fastify-session', 'none']),
    );
  });

  test('are in no list that the harness makes itself', () => {
    const names = new Set(COMPARATORS.map(({ name }) => name));
    for (const raw of [{}, { preset: 'gate' }, { preset: 'full' }])
      expect(parse(raw).stores.filter(({ store }) => names.has(store))).toEqual([]);
  });

  test.each<[RawOptions, RegExp]>([
    [{ store: 'express-sesion' }, /^USAGE: .* Did you mean express-session\?$/],
    [{ store: 'express-session:touch=maybe' }, /^USAGE: .*one of on, off, got "maybe"/],
    [{ store: 'express-session:store=memory' }, /^USAGE: .*one of redis, postgres, got "memory"/],
    [{ store: 'iron-session:ttl=1' }, /^USAGE: expected no options of iron-session, got "ttl=1"/],
    [{ store: 'comparators:store=redis' }, /^USAGE: .*got "comparators"/],
    [
      { store: 'fastify-jwt', transport: 'bearer' },
      /^CONFLICT: expected --transport cookie with --store fastify-jwt, got --transport bearer\. Leave/,
    ],
    [
      { store: 'none,iron-session', scenario: 'read,revocation' },
      /^CONFLICT: expected a scenario that applies to iron-session, got --scenario revocation: it accepts .* Name/,
    ],
    [{ store: 'better-auth', services: 'url' }, /^USAGE: expected --postgres-url with --services url/],
  ])('%j is refused in one line', (raw, words) => {
    expect(() => parse(raw)).toThrow(words);
    expect(() => parse(raw)).not.toThrow(/\n/);
  });
});

describe('the definitions of libraries', () => {
  test('have names that nothing else has', () => {
    const names = ARMS.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  });

  test.each(
    COMPARATORS.flatMap((definition) =>
      variantsOf(definition).map((options) => [definition, options] as const),
    ),
  )(
    '$0.name $1: uses a service that we start, its connections are counted, its packages have exact versions',
    (definition, options) => {
      const service = definition.service(options);
      if (service !== undefined) expect(SERVICES).toContain(service);
      expect(definition.connections(options, 7) > 0).toBe(service !== undefined);
      const exact = definition
        .packages(options)
        .map(() => '[@a-z/-]+@\\d+\\.\\d+\\.\\d+')
        .join(' ');
      expect(versionsText(definition.packages(options))).toMatch(new RegExp(`^${exact}$`));
      expect(definition.declaredTraits(options, 'second').state).toBe(
        service === undefined ? 'client' : 'store',
      );
    },
  );
});
