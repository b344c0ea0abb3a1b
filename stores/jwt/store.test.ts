import { describeStore } from '../suite/store-suite.ts';
import { jwt } from './backend.ts';
import { privateKeyFor, SIGNERS } from './fixture.ts';

for (const options of SIGNERS) {
  const privateKeyPem = privateKeyFor(options.alg);
  describeStore(`jwt ${Object.values(options).join(' ')}`, {
    definition: jwt,
    options,
    ...(privateKeyPem === undefined ? {} : { privateKeyPem }),
  });
}
