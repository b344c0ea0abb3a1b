import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { findStore, registerModule } from '../../stores/registry.ts';
import { traitsOf } from '../../stores/traits.ts';
import { parseConformance } from '../conformance/config.ts';
import { servedModule } from '../environment/modules/served-module.ts';
import { planBlocks } from '../run/plan.ts';
import { parseConfig } from './config.ts';
import { gatedStores } from './gated-stores.ts';
import { parseStoreChoices, storeText } from './store-choice.ts';
import type { RawOptions } from './values.ts';

/** A folder of the user's, whose name has what the grammar of options uses. */
const root = mkdtempSync(join(tmpdir(), 'session-bench-module-'));
const folder = join(root, 'my shop+a:b=c');
mkdirSync(folder);
afterAll(() => rmSync(root, { recursive: true, force: true }));

function file(name: string, text: string): string {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
}
const mine = file('mine.mjs', 'export default {};');
const other = file('old.mjs', 'export default {};');
const own = file(
  'own store.ts',
  `import type { StoreDefinition } from 'session-bench/stores/store.ts';
   import { memory } from 'session-bench/stores/memory/backend.ts';
   console.log('a module may print');
   setInterval(() => undefined, 1000);
   export default { ...memory, summary: 'mine' } satisfies StoreDefinition;`,
);
function messageFrom(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('expected an error, got none');
}

const parse = (raw: RawOptions) => parseConfig(raw, {});

describe('a file in --store', () => {
  test('is named by its file, wherever it lies, and written back as it is read', () => {
    const { stores } = parse({ store: `redis,express:${mine},${own}:write=lww+entries=10k` });
    expect(stores.map(({ store }) => store)).toEqual(['redis', 'mine.mjs', 'own-store.ts']);
    expect(stores[1]?.module).toEqual({ kind: 'express', path: mine });
    expect(stores[2]).toMatchObject({ options: { write: 'lww', entries: '10k' }, module: { path: own } });
    expect(parseStoreChoices(stores.map(storeText).join(','))).toEqual(stores);
  });

  test('gets the service of --service, in the variant of its rows, and others do not', () => {
    const config = parse({ store: `memory,express:${mine},${own}`, service: 'postgres', pool: '3' });
    const [block] = planBlocks(config);
    const variants = Object.fromEntries((block?.trials ?? []).map(({ store, variant }) => [store, variant]));
    expect(variants['mine.mjs']).toBe('durability=second;service=postgres');
    expect(variants['own-store.ts']).toMatch(/durability=second;.*service=postgres/);
    expect(variants['memory']).not.toContain('service');
    const found = findStore('mine.mjs');
    expect(found?.service({})?.name).toBe('postgres');
    expect(found?.connections({}, 3)).toBe(3);
    const recorded = config.stores.map(storeText).join(',');
    expect(recorded).not.toContain('service=');
    expect(parse({ store: recorded, service: 'postgres', pool: '3' }).stores).toEqual(config.stores);
  });

  test('has the options and traits that a definition has', () => {
    parse({ store: own });
    const definition = findStore('own-store.ts');
    expect(definition?.summary).toBe('mine');
    const traits = definition && traitsOf(definition, { write: 'lww', entries: '1M' }, 'second');
    expect(traits).toMatchObject({ state: 'server', compareAndSwap: false, userIndex: true });
  });

  test('is checked for behaviour, too', () => {
    const { stores } = parseConformance({ store: `express:${mine}`, service: 'redis' }, {});
    expect(stores[0]).toMatchObject({ store: 'mine.mjs', options: { service: 'redis' } });
  });
});

const silent = file('silent.mjs', 'export const store = {};');
const thrown = file('thrown.ts', "throw new Error('no luck at redis://:secret@host');");
const typo = file('typo.mjs', 'export default (;');
const ended = file('ended.ts', 'process.exit(7);');
const half = file('half.ts', 'export default { options: {}, service() {}, connections() {}, offers() {} };');
const lost = file('lost.ts', "import 'no-such-package-here'; export default {};");
mkdirSync(join(folder, 'sub'));
const namesake = file('sub/mine.mjs', 'export default {};');

describe('one line says what is wrong with', () => {
  test.each<[string, RawOptions, RegExp]>([
    [
      'a file that is not there',
      { store: './no.mjs' },
      /^USAGE: expected a file with a module .*"\.\/no\.mjs", which is not there/,
    ],
    ['a folder', { store: `express:${root}` }, /^USAGE: .*which is not a file\. Correct/],
    [
      'a name without ./',
      { store: 'mine.mjs' },
      /^USAGE: expected a path that begins with .*got "mine\.mjs"\. Write --store \.\/mine\.mjs\.$/,
    ],
    ['the name of a backend', { store: 'express:redis' }, /^USAGE: .*Write --store express:\.\/redis\.$/],
    ['no path', { store: 'express:' }, /^USAGE: .*Write --store express:\.\/mine\.mjs\.$/],
    [
      'an ending',
      { store: `express:${file('x.json', '{}')}` },
      /^USAGE: .*ends in \.mjs, \.js, \.cjs or \.ts/,
    ],
    [
      'no default export',
      { store: silent },
      /^USAGE: expected a StoreDefinition as the default export of .*got no default export/,
    ],
    [
      'half a definition',
      { store: half },
      /^USAGE: .*got an object without the function declaredTraits\. See docs/,
    ],
    [
      'a throw',
      { store: thrown },
      /^USAGE: expected a module in .* that can be imported, got no luck at redis:\/\/:\*\*\*@host\. Mend/,
    ],
    ['an exit', { store: ended }, /^USAGE: .*got its end with exit code 7/],
    ['a package that is not there', { store: lost }, /^USAGE: .*no-such-package-here.*Mend/],
    [
      'options of a Store',
      { store: `express:${mine}:write=lww` },
      /^USAGE: expected no options of mine\.mjs, got "write=lww"/,
    ],
    ['an option that is not there', { store: `${own}:wirte=lww` }, /^USAGE: .*Did you mean write\?$/],
    [
      'two of one name',
      { store: `express:${mine},express:${namesake}` },
      /^USAGE: expected modules of different file names/,
    ],
    [
      'no such service',
      { store: `express:${mine}`, service: 'rediss' },
      /^USAGE: expected --service to be one of redis, .*got "rediss"/,
    ],
    [
      'a service for nobody',
      { store: 'memory', service: 'redis' },
      /^CONFLICT: expected a module in --store with --service, got none/,
    ],
    [
      'a token in a header',
      { store: `express:${mine}`, transport: 'bearer' },
      /^CONFLICT: expected --transport cookie/,
    ],
    [
      'a service elsewhere without its URL',
      { store: `express:${mine}`, service: 'redis', services: 'url' },
      /^USAGE: expected --redis-url/,
    ],
  ])('%s', (_what, raw, words) => {
    const text = messageFrom(() => parse(raw));
    expect(text).toMatch(words);
    expect(text).not.toMatch(/\n|secret/);
  });

  test('a Store that no reader understands, before anything is started', async () => {
    const served = (path: string) => servedModule({ kind: 'express', path });
    await expect(served(silent)).rejects.toThrow(
      /^USAGE: expected a Store as the default export of .*got no default/,
    );
    await expect(served(typo)).rejects.toThrow(
      /^USAGE: expected a module in .* that can be read, got .*typo\.mjs:1/,
    );
  });
});

describe('the base of a gate', () => {
  const stores = (text: string) => parseStoreChoices(text);

  test('is a file of the same kind', () => {
    const [choice] = gatedStores(stores(`express:${mine}`), other);
    expect(choice).toMatchObject({ module: { path: mine }, baseModule: { kind: 'express', path: other } });
    expect(gatedStores(stores(`express:${mine}`), `express:${other}`)).toEqual([choice]);
  });

  test.each<[string, string, string, RegExp]>([
    ['no module', 'redis', other, /^USAGE: expected one module in --store with --base-store, got redis/],
    ['two', `express:${mine},express:${other}`, other, /^USAGE: expected one module/],
    ['no file', `express:${mine}`, './no.mjs', /^USAGE: expected a file with a module for --base-store/],
    ['no path', `express:${mine}`, 'redis', /^USAGE: .*for a module in --base-store, got "redis"/],
    ['another kind', own, `express:${other}`, /^CONFLICT: expected a base of the kind of --store/],
  ])('%s is refused', (_what, text, base, words) => {
    expect(() => gatedStores(stores(text), base)).toThrow(words);
  });

  test('of modules beside backends is refused, for they have two repositories', () => {
    expect(() => gatedStores(stores(`redis,express:${mine}`), undefined)).toThrow(/^CONFLICT: .*got redis/);
    expect(gatedStores(stores('redis,memory'), undefined)).toHaveLength(2);
  });
});

test('a module never replaces one of our backends', () => {
  const definition = findStore('mine.mjs');
  expect(definition).toBeDefined();
  if (definition !== undefined && 'module' in definition) registerModule({ ...definition, name: 'redis' });
  expect(findStore('redis')).not.toHaveProperty('module');
});
