/** Set-up of the unit lane: its tests open no socket, start no process and need no service. A test that does fails. */

import childProcess from 'node:child_process';
import { syncBuiltinESMExports } from 'node:module';
import net from 'node:net';

const refuse = (what: string) => (): never => {
  throw new Error(
    `expected no ${what} in the unit lane. Name the file *.service.test.ts or *.system.test.ts.`,
  );
};

for (const name of ['spawn', 'spawnSync', 'exec', 'execSync', 'execFile', 'execFileSync', 'fork'] as const) {
  Object.assign(childProcess, { [name]: refuse(`child process (${name})`) });
}
net.Socket.prototype.connect = refuse('connection');
net.Server.prototype.listen = refuse('listening socket');
syncBuiltinESMExports();
