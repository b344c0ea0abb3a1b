import { expect, test } from 'vitest';
import { readServiceUrl } from '../service-url.ts';
import { addressOf, loginOf, MEMCACHED_URL } from './url.ts';

test.each([
  ['memcached://127.0.0.1', 'memcached://127.0.0.1', { host: '127.0.0.1', port: 11_211 }],
  ['MEMCACHED://h:1', 'memcached://h:1', { host: 'h', port: 1 }],
  ['memcache://[::1]:2/', 'memcached://[::1]:2/', { host: '::1', port: 2 }],
  ['memcached:///run/m.sock', 'memcached://%2Frun%2Fm.sock', { path: '/run/m.sock' }],
  ['unix:///run/a%20b', 'memcached://%2Frun%2Fa%20b', { path: '/run/a b' }],
  ['memcached://u:p@/run/m.sock', 'memcached://u:p@%2Frun%2Fm.sock', { path: '/run/m.sock' }],
  [
    'memcached://bücher.example',
    'memcached://xn--bcher-kva.example',
    { host: 'xn--bcher-kva.example', port: 11_211 },
  ],
])('%s is read', (text, url, address) => {
  expect(readServiceUrl(text, MEMCACHED_URL)).toEqual({ url });
  expect(addressOf(url)).toEqual(address);
});

test.each([
  ['redis://h', 'one that begins with redis://', /memcached:\/\//],
  ['memcacheds://h', 'one that begins with memcacheds://', /memcached:\/\//],
  ['unix://run/m.sock', 'one that begins with unix://', /three slashes/],
  ['memcached+tls://h', 'one that begins with memcached+tls://', /not supported/],
  ['tcp://h:1', 'one that begins with tcp://', /memcached:\/\/HOST/],
  ['localhost:11211', 'text that is not a URL', /Begin it with memcached:/],
  ['memcached://a:11211,b:11211', 'several', /Name one/],
  ['memcached://a,b', 'several', /Name one/],
  ['memcached://u:p@a:1,b:2', 'several', /Name one/],
  ['memcached://h/0', 'one with it', /no databases/],
  ['memcached://h:0', 'the port 0', /port/],
  ['memcached://', 'one without a host', /host/],
  ['memcached://%2Frun%2Fm.sock:1', 'one with it', /port/],
  ['memcached://h?password=x', '?password=', /USER:PASSWORD@/],
  ['memcached://h?weight=2', '?weight=', /flags/],
  ['memcached://:p@h', 'one of the two', /USER:PASSWORD@/],
  ['memcached://u@h', 'one of the two', /USER:PASSWORD@/],
  ['memcached://a%20b:p@h', 'others', /another/],
  ['memcached://a%3Ab:p@h', 'others', /another/],
  ['memcached://u:a%20b@h', 'others', /another/],
  ['memcached://u:a%0Ab@h', 'others', /another/],
])('%s is refused, with its remedy', (text, got, remedy) => {
  const read = readServiceUrl(text, MEMCACHED_URL);
  expect(read).toMatchObject({ fault: { got, remedy: expect.stringMatching(remedy) } });
});

test('user and password, decoded', () => {
  expect(loginOf('memcached://u:p%40%25w@h')).toEqual({ user: 'u', password: 'p@%w' });
  expect(loginOf('memcached://h')).toBeUndefined();
});
