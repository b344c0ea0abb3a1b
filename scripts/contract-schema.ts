/** Prints the JSON schema of a contract, docs/contract.schema.json. Usage: pnpm exec tsx scripts/contract-schema.ts */

import { contractSchemaText } from '../bench/conformance/contract-schema.ts';

process.stdout.write(contractSchemaText());
