import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { SERVICES } from '../../stores/registry.ts';
import { PROJECT_ROOT } from '../environment/programs.ts';

const texts = ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'results/README.md']
  .concat(readdirSync(join(PROJECT_ROOT, 'docs')).map((name) => `docs/${name}`))
  .filter((path) => path.endsWith('.md'))
  .map((path) => ({ path, text: readFileSync(join(PROJECT_ROOT, path), 'utf8').replace(/\s+/g, ' ') }));

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

test.each(SERVICES)('README and docker-compose.yml have what $name is named by', ({ name, url, image }) => {
  const readme = texts.find(({ path }) => path === 'README.md')?.text ?? '';
  for (const word of [`--${name}-url`, url.variable]) expect(readme).toContain(`\`${word}\``);
  expect(readFileSync(join(PROJECT_ROOT, 'docker-compose.yml'), 'utf8')).toContain(image);
});
