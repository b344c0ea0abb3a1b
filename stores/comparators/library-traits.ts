import type { Durability } from '../service.ts';
import type { DeclaredTraits } from '../traits.ts';

/** The traits of a library that keeps sessions in a service, under a random id in a signed cookie. */
export function traitsOfLibrary(durability: Durability): DeclaredTraits {
  return {
    state: 'store',
    shared: true,
    survivesServerRestart: true,
    survivesStoreCrash: durability !== 'none',
    expiry: 'idle-and-absolute',
    compareAndSwap: false,
    revocation: 'immediate',
    rotationEndsOld: true,
    clientReadable: false,
    dataInToken: false,
  };
}

/** The traits of a library that keeps the session in the cookie. @param readable without the key. */
export function traitsOfCookie(readable: boolean): DeclaredTraits {
  return {
    state: 'client',
    shared: true,
    survivesServerRestart: true,
    survivesStoreCrash: undefined,
    expiry: 'idle-and-absolute',
    compareAndSwap: false,
    revocation: 'at-expiry',
    rotationEndsOld: false,
    clientReadable: readable,
    dataInToken: true,
  };
}
