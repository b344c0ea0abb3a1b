import { describe, expect, test } from 'vitest';
import { COMMON_TRAITS, type Contract, OWN_CONTRACT } from '../config/contract.ts';
import { findPlainSide, plainAddress } from './plain-http.ts';

const contract = (more: Partial<Contract>): Contract => ({
  ...OWN_CONTRACT,
  name: 'shop',
  password: 'pw',
  servers: [],
  affinity: 'round-robin',
  traits: { ...COMMON_TRAITS, survivesStoreCrash: undefined, refresh: 'none', verifyCache: false },
  ...more,
});
const elsewhere = (port: number) => ({
  connectTo: { from: 'https://shop.example', host: '10.0.0.5', port },
});

describe('plain HTTP of a site', () => {
  test.each<[what: string, target: string, more: Partial<Contract>, found: object]>([
    [
      'is at port 80 of the same host, with its base path',
      'https://shop.example/app/',
      {},
      {
        url: 'http://shop.example/app',
        host: 'shop.example',
        wire: { connectTo: { from: 'http://shop.example', host: 'shop.example', port: 80 } },
      },
    ],
    [
      'is at the address of --connect-to',
      'https://shop.example',
      { wire: { ca: 'PEM', ...elsewhere(443) } },
      {
        url: 'http://shop.example',
        host: 'shop.example',
        wire: { ca: 'PEM', connectTo: { from: 'http://shop.example', host: '10.0.0.5', port: 80 } },
      },
    ],
    [
      'is asked for by the name in the contract, without the port of TLS',
      'https://10.0.0.5',
      { host: 'shop.example:8443' },
      { url: 'http://10.0.0.5', host: 'shop.example' },
    ],
    [
      'is where the contract says',
      'https://10.0.0.5:8443/app',
      { host: 'shop.example', plainHttp: 'http://10.0.0.5:8080' },
      { url: 'http://10.0.0.5:8080/app', host: 'shop.example:8080' },
    ],
    [
      'is at an IPv6 address, too',
      'https://[::1]',
      {},
      { url: 'http://[::1]', wire: { connectTo: { host: '::1', port: 80 } } },
    ],
    ['is not guessed for another port', 'https://shop.example:8443', {}, { absent: /at port 8443, not 443/ }],
    [
      'is not guessed for another port of --connect-to',
      'https://shop.example',
      { wire: elsewhere(8443) },
      { absent: /at port 8443, not 443/ },
    ],
    ['may not exist', 'https://shop.example', { plainHttp: false }, { absent: /the contract says/ }],
    ['is the site itself', 'http://shop.example', {}, { absent: /is served over plain HTTP/ }],
  ])('%s', (_, target, more, found) => {
    const address = plainAddress(target, contract(more));
    if ('absent' in found) expect(address).toEqual({ absent: expect.stringMatching(found.absent as RegExp) });
    else expect(address).toMatchObject(found);
  });

  test('that was not asked because the check was over is an error, and not absent', async () => {
    const over = new Error('the check is over');
    const browser = { send: () => Promise.reject(over) } as never;
    const address = plainAddress('https://shop.example', contract({}));
    await expect(findPlainSide(address, () => () => browser)).rejects.toBe(over);
  });
});
