import { ignoreClosedPipes } from '../bench/commands/closed-pipe.ts';
import { COLUMNS } from '../bench/results/row.ts';

ignoreClosedPipes();

/** Prints the table of results/README.md from the column table. */
const rows = COLUMNS.map(({ name, kind, meaning }) => `| \`${name}\` | ${kind} | ${meaning} |`);
process.stdout.write(`${['| column | kind | meaning |', '| --- | --- | --- |', ...rows].join('\n')}\n`);
