import type { GroupContext } from './group-context.ts';
import { idOperations } from './ids.ts';
import { jwtOperations, secretFinding } from './jwt.ts';
import type { Measurement, Operation } from './measure.ts';
import { serializeOperations } from './serialize.ts';
import { measureStores } from './stores.ts';

/** Operations of one table. */
export interface Group {
  heading: string;
  /** Unit of the times in its table. JSON always uses µs. */
  unit: 'ns' | 'µs';
  run(context: GroupContext): Promise<void>;
  /** What the figures show, for below the table. */
  findings?(measurements: readonly Measurement[]): string[];
}

export const GROUPS = {
  ids: {
    heading: 'ids: making, hashing and comparing session ids',
    unit: 'ns',
    run: (context) => measureAll(idOperations(), context),
  },
  jwt: {
    heading: 'jwt: tokens with 256 B of data; verify checks algorithm, signature, iss, aud and exp',
    unit: 'µs',
    run: async (context) => measureAll(await jwtOperations(), context),
    findings: secretFinding,
  },
  serialize: {
    heading: 'serialize: session data, by its size as JSON',
    unit: 'µs',
    run: (context) => measureAll(serializeOperations(), context),
  },
  stores: {
    heading: 'stores: their operations, 256 B of data, 1,000 sessions, one in flight unless said',
    unit: 'µs',
    run: measureStores,
  },
} satisfies Record<string, Group>;

export type GroupName = keyof typeof GROUPS;
export const GROUP_NAMES = Object.keys(GROUPS) as GroupName[];

async function measureAll(operations: readonly Operation[], context: GroupContext): Promise<void> {
  for (const operation of operations) await context.measure(operation);
}
