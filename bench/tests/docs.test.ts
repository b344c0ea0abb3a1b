import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { SMUGGLING_CASES } from '../../servers/balancers/fixtures/smuggling-corpus.ts';
import { SERVICES } from '../../stores/registry.ts';
import { checksOf } from '../conformance/catalogue.ts';
import { PROJECT_ROOT } from '../environment/programs.ts';

const read = (path: string) => readFileSync(join(PROJECT_ROOT, path), 'utf8');
const pages = readdirSync(join(PROJECT_ROOT, 'docs'), { recursive: true, encoding: 'utf8' });
const texts = ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'results/README.md']
  .concat(pages.map((name) => `docs/${name}`))
  .filter((path) => path.endsWith('.md'))
  .map((path) => ({ path, text: read(path).replace(/\s+/g, ' ') }));

/** What an audit of the committed rows refuted: at most 1 % by design is not never, and 15 runs are not 60 gates. */
test.each([
  /noise alone never fails/i,
  /\b(of|the|in) 60 gates\b|: 60 gates|60 A\/A gates/i,
  /5 % (is |are )?found in 29 of 30/i,
  /changed by half/i,
  /divided by the control/i,
  /files of two runs, through the control/i,
])('no text says %s', (sentence) => {
  expect(texts.length).toBeGreaterThan(5);
  expect(texts.filter(({ text }) => sentence.test(text)).map(({ path }) => path)).toEqual([]);
});

test('a table that ranks a token against a session names the library, and has the most used one beside the fastest', () => {
  const ranked = texts.filter(({ text }) => /jwt\S* \d[.\d]*× \[.*(redis|memory|postgres)/.test(text));
  const both = ['jwt:lib=fast-jwt', 'jwt:lib=jsonwebtoken'];
  const lacking = ranked.filter(({ text }) => both.some((name) => !text.includes(name)));
  expect(lacking.map(({ path }) => path)).toEqual([]);
});

test.each(SERVICES)(
  'docs/commands.md and docker-compose.yml have what $name is named by',
  ({ name, url, image }) => {
    const page = texts.find(({ path }) => path === 'docs/commands.md')?.text ?? '';
    for (const word of [`--${name}-url`, url.variable]) expect(page).toContain(`\`${word}\``);
    expect(read('docker-compose.yml')).toContain(image);
  },
);

test('every link of a document leads to a file, and every heading that it names is there', () => {
  const links = texts.flatMap(({ path, text }) =>
    [...text.matchAll(/\]\(([^)\s]+)\)/g)].map((match) => ({ path, link: match[1] as string })),
  );
  const inside = links.filter(({ link }) => !/^[a-z]+:/.test(link));
  expect(inside.length).toBeGreaterThan(20);
  const broken = inside.filter(({ path, link }) => {
    const [file = '', heading] = link.split('#');
    const target = join(PROJECT_ROOT, file === '' ? path : join(dirname(path), file));
    if (!existsSync(target)) return true;
    return heading !== undefined && !headingsOf(readFileSync(target, 'utf8')).includes(heading);
  });
  expect(broken).toEqual([]);
});

/** As GitHub names them in links: lower case, without punctuation, a hyphen for each space. */
function headingsOf(markdown: string): string[] {
  return [...markdown.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} -]/gu, '')
      .replaceAll(' ', '-'),
  );
}

test('every source file that a document names is there', () => {
  const named = texts.flatMap(({ path, text }) =>
    [
      ...text.matchAll(
        /(?<!session-)\b(?:bench|servers|stores|scripts|docker)\/[\w./-]+\.(?:ts|sh|R|cfg)\b/g,
      ),
    ].map(([name]) => ({ path, name })),
  );
  expect(named.length).toBeGreaterThan(50);
  const isExample = (name: string) => /\/(?:NAME|FILE)\b/.test(name);
  const absent = named.filter(({ name }) => !isExample(name) && !existsSync(join(PROJECT_ROOT, name)));
  expect(absent).toEqual([]);
});

test('the generated tables have a row for each case and each check', () => {
  const rowsOf = (path: string, columns: number) =>
    read(path)
      .split('\n')
      .filter((line) => line.startsWith('| ') && line.split(' | ').length === columns)
      .slice(2);
  expect(rowsOf('docs/generated/smuggling.md', 5)).toHaveLength(SMUGGLING_CASES.length);
  const ids = rowsOf('docs/generated/conformance-matrix.md', 9).map((row) => row.split(' | ')[0]?.slice(2));
  expect(ids).toEqual(checksOf(undefined).map(({ id }) => id));
});

test('README and docs/conformance.md say how many properties are checked', () => {
  const count = `${checksOf(undefined).length} properties`;
  const counting = texts.filter(({ text }) => text.includes(count)).map(({ path }) => path);
  expect(counting).toEqual(expect.arrayContaining(['README.md', 'docs/conformance.md']));
});
