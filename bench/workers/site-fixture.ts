import { openSite } from '../conformance/external-site-fixture.ts';

/** A small site as a process, at the address of its argument; prints its URL. */
console.log(await openSite({ at: process.argv[2] ?? '127.0.0.1' }));
