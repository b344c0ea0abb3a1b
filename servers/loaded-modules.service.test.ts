import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { buildPrograms } from '../bench/environment/programs.ts';
import { SERVER_CONFIG_ENV } from './config.ts';

/** What only some backends need. */
const OPTIONAL = [
  'ioredis',
  'mariadb',
  'mongodb',
  'mysql2',
  'pg',
  'rate-limiter-flexible',
  'fast-jwt',
  'jsonwebtoken',
  'jose',
  'undici',
];

/** Writes each specifier that is resolved to standard error (node:module, customization hooks). */
const RESOLVE_HOOK = `import { writeSync } from 'node:fs';
  export async function resolve(specifier, context, next) {
    writeSync(2, 'resolve ' + specifier + '\\n');
    return next(specifier, context);
  }`;
const dataUrl = (code: string) => `data:text/javascript,${encodeURIComponent(code)}`;
const HOOK = dataUrl(
  `import { register } from 'node:module'; register(${JSON.stringify(dataUrl(RESOLVE_HOOK))});`,
);

/** The packages of {@link OPTIONAL} that a server has loaded when it is ready. */
async function loadedBy(store: string, options: Record<string, string>): Promise<string[]> {
  const { server: program } = await buildPrograms();
  const config = {
    id: 's1',
    store,
    options,
    secret: 'c'.repeat(64),
    password: 'hunter22',
    adminPassword: 'root',
  };
  const child = spawn(process.execPath, ['--import', HOOK, program], {
    env: { [SERVER_CONFIG_ENV]: JSON.stringify(config), NODE_ENV: 'production' },
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  let text = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  try {
    const [message] = await once(child, 'message');
    expect(message, text).toMatchObject({ type: 'ready', store });
  } finally {
    child.kill('SIGTERM');
    await once(child, 'close');
  }
  // The hook is at work: every server is made with fastify.
  expect(text).toContain('resolve fastify\n');
  return OPTIONAL.filter((name) => text.includes(`resolve ${name}\n`));
}

test.each<[string, Record<string, string>, string[]]>([
  ['none', {}, []],
  ['memory', {}, ['rate-limiter-flexible']],
  ['jwt', { lib: 'fast-jwt' }, ['fast-jwt']],
  ['jwt', { lib: 'jsonwebtoken' }, ['jsonwebtoken']],
  ['jwt', { lib: 'jose' }, ['jose']],
])(
  'a server of %s %o has loaded %j, and no driver or library of another backend',
  async (store, options, loaded) => {
    expect(await loadedBy(store, options)).toEqual(loaded);
  },
);
