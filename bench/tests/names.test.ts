import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseAst } from 'vitest/node';
import { ARMS, CONTROL, SERVICES } from '../../stores/registry.ts';
import { PROJECT_ROOT } from '../environment/programs.ts';

/**
 * The harness and the servers know no backend and no service by its name: what they must know of one is a field of its
 * definition or a trait. Otherwise a new backend is one folder, two lines and a search for every `=== 'redis'`.
 */

interface Node {
  type: string;
  start: number;
  [key: string]: unknown;
}

const NAMES = new Set([...ARMS, ...SERVICES].map(({ name }) => name).filter((name) => name !== CONTROL.name));
/** The control is named by a word that other vocabularies use too: there it is one where a backend is meant. */
const BACKEND_WORDS = /(?:^|\.)(?:store|backend|definition|control)(?:\.name)?$/i;

/** A library's own server, and its packages. */
const isLibrary = (path: string) => path.startsWith('servers/comparators/');
/** Packages of a folder of its own, which are installed on demand. */
const isPackage = (path: string) => path.includes('/node_modules/');
const isTest = (path: string) => /\.test\.ts$|[-/]fixture\.ts$|\/fixtures\/|-suite\.ts$/.test(path);
const files = ['bench', 'servers'].flatMap((room) =>
  readdirSync(join(PROJECT_ROOT, room), { recursive: true, encoding: 'utf8' })
    .map((name) => join(room, name))
    .filter((path) => path.endsWith('.ts') && !isLibrary(path) && !isTest(path) && !isPackage(path)),
);

/** Where a source names a backend or service, as `line: text`. */
function listNames(source: string): string[] {
  const found: string[] = [];
  const report = (node: Node, text: string) =>
    found.push(`${source.slice(0, node.start).split('\n').length}: ${text}`);
  const textOf = (node: Node | undefined) =>
    node === undefined ? '' : source.slice(node.start, node['end'] as number).replaceAll('?', '');
  const isControl = (node: Node | undefined) => node?.type === 'Literal' && node['value'] === CONTROL.name;

  function visit(node: Node): void {
    if (node.type === 'ImportDeclaration' || node.type === 'ImportExpression') return;
    const value = node.type === 'Literal' ? node['value'] : undefined;
    const cooked =
      node.type === 'TemplateElement' ? (node['value'] as { cooked?: string }).cooked : undefined;
    for (const text of [value, cooked])
      if (typeof text === 'string' && text.split(',').some((word) => NAMES.has(word))) report(node, text);
    const [left, right] = [node['left'], node['right']] as (Node | undefined)[];
    if (node.type === 'BinaryExpression')
      for (const [one, other] of [
        [left, right],
        [right, left],
      ])
        if (isControl(one) && BACKEND_WORDS.test(textOf(other))) report(node, textOf(node));
    const [key, init] = [node['key'] ?? node['id'], node['init'] ?? node['value']] as (Node | undefined)[];
    if ((node.type === 'Property' || node.type === 'VariableDeclarator') && isControl(init))
      if (BACKEND_WORDS.test(textOf(key))) report(node, textOf(node));
    for (const child of Object.values(node).flat())
      if (typeof child === 'object' && child !== null && 'type' in child) visit(child as Node);
  }
  visit(parseAst(source, { lang: 'ts' }) as unknown as Node);
  return found;
}

describe('names of backends and services', () => {
  test.each([
    ["if (name === 'redis') f();", '1: redis'],
    ["const kinds: 'postgres' | 'x' = x;", '1: postgres'],
    ['f(`jwt`);', '1: jwt'],
    ["const preset = { store: 'none,redis' };", '1: none,redis'],
    ["if (row?.store === 'none') f();", "1: row?.store === 'none'"],
    ["const CONTROL = 'none';", "1: CONTROL = 'none'"],
    ["f({ store: 'none' });", "1: store: 'none'"],
  ])('are seen in %s', (source, expected) => {
    expect(listNames(source).map((text) => text.replace('row.store', 'row?.store'))).toEqual([expected]);
  });

  test.each(["import { redis } from 'redis';", "if (durability === 'none') f();", "f('redis-server');"])(
    'are not seen in %s',
    (source) => {
      expect(listNames(source)).toEqual([]);
    },
  );

  test('are in no file of the harness or of the servers', () => {
    expect(files.length).toBeGreaterThan(150);
    const found = files.flatMap((path) =>
      listNames(readFileSync(join(PROJECT_ROOT, path), 'utf8')).map((text) => `${path}:${text}`),
    );
    expect(found).toEqual([]);
  });
});
