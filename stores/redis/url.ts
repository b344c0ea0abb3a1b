import type { UrlFault, UrlRules } from '../service-url.ts';

export const REDIS_URL: UrlRules = {
  schemes: ['redis:', 'rediss:'],
  options: ['family'],
  refused: { db: 'Write the number of the database after the host: redis://HOST:PORT/1.' },
  faultOf: (url) => socketFault(url) ?? databaseFault(url) ?? familyFault(url),
};

function socketFault({ hostname, pathname }: URL): UrlFault | undefined {
  if (hostname !== '' || pathname.length < 2) return undefined;
  return {
    expected: 'a host and a port',
    got: 'the path of a socket',
    remedy:
      'Sockets of Redis are not supported: let it listen on 127.0.0.1 too, and write redis://127.0.0.1:PORT.',
  };
}

function databaseFault({ pathname }: URL): UrlFault | undefined {
  if (/^\/?$|^\/\d{1,4}$/.test(pathname)) return undefined;
  const remedy = 'Write for example redis://HOST:PORT/1, or leave the path out.';
  return { expected: 'the number of a database as the path', got: 'something else', remedy };
}

function familyFault({ searchParams }: URL): UrlFault | undefined {
  const family = searchParams.get('family');
  if (family === null || ['0', '4', '6'].includes(family)) return undefined;
  return { expected: '?family=4 or ?family=6', got: 'another value', remedy: 'Correct it, or leave it out.' };
}
