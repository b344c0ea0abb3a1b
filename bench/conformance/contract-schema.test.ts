import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { PROJECT_ROOT } from '../environment/programs.ts';
import { contractSchemaText } from './contract-schema.ts';

test('docs/contract.schema.json is that of the code: scripts/contract-schema.ts prints it', () => {
  expect(readFileSync(join(PROJECT_ROOT, 'docs/contract.schema.json'), 'utf8')).toBe(contractSchemaText());
});

test('it holds what every contract needs, and refuses other fields', () => {
  const schema = JSON.parse(contractSchemaText());
  expect(schema.required).toEqual(
    expect.arrayContaining(['cookie', 'operations', 'fields', 'users', 'traits']),
  );
  expect(schema.additionalProperties).toBe(false);
});
