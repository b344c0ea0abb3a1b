import { messageOf } from '../errors.ts';
import { createResultFile } from './csv.ts';

/** For tests, run under a limit on file sizes: appends rows until the system refuses, and prints the error. */
const file = createResultFile(process.argv[2] as string);
let rows = 0;
try {
  for (; rows < 10_000; rows += 1) file.append({ store: 'redis', note: `row ${rows}` });
} catch (error) {
  process.stdout.write(JSON.stringify({ rows, message: messageOf(error) }));
}
file.close();
