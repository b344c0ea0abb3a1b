/** Prints the JSON schema of a contract, docs/contract.schema.json. Usage: pnpm exec tsx scripts/contract-schema.ts */

import { ignoreClosedPipes } from '../bench/commands/closed-pipe.ts';
import { contractSchemaText } from '../bench/conformance/contract-schema.ts';

ignoreClosedPipes();

process.stdout.write(contractSchemaText());
