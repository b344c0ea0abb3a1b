import { expect, test } from 'vitest';
import { bodyOf, filledBody } from './operation.ts';

const VALUES = { user: 'ann', password: 'p{user}', version: 3 };

test('a placeholder keeps the kind of its value, and may stand within a text', () => {
  const body = {
    email: '{user}@shop.example',
    version: '{version}',
    query: 'mutation { login(user: "{user}", password: "{password}") { ok } }',
    data: '{data}',
    other: '{nothing} {version}',
  };
  expect(filledBody(body, VALUES)).toEqual({
    email: 'ann@shop.example',
    version: 3,
    query: 'mutation { login(user: "ann", password: "p{user}") { ok } }',
    other: '{nothing} 3',
  });
});

test('fields within a field of a form have its name before theirs', () => {
  const operation = {
    method: 'POST' as const,
    path: '/login',
    encoding: 'form' as const,
    body: { session: { user: '{user}', more: { remember: true } }, next: '/a b' },
  };
  expect(bodyOf(operation, VALUES).body).toBe(
    'session%5Buser%5D=ann&session%5Bmore%5D%5Bremember%5D=true&next=%2Fa+b',
  );
});
