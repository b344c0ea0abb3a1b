import { z } from 'zod';
import { contractSchema } from '../config/contract.ts';

/** The JSON schema (2020-12) of a contract, for editors: the text of docs/contract.schema.json. */
export function contractSchemaText(): string {
  return `${JSON.stringify(z.toJSONSchema(contractSchema, { io: 'input' }), undefined, 2)}\n`;
}
