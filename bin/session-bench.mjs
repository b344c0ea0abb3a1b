#!/usr/bin/env node
/** `session-bench …` is `pnpm bench …`, and `session-bench conformance …` is `pnpm conformance …`, in any folder. */

import { register } from 'tsx/esm/api';

register();
if (process.argv[2] === 'conformance') {
  process.argv.splice(2, 1);
  await import('../bench/conformance/cli.ts');
} else {
  await import('../bench/cli.ts');
}
