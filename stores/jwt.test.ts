import { describeStore } from './conformance.ts';
import { jwt } from './jwt.ts';
import { privateKeyFor, SIGNERS } from './jwt-fixture.ts';

for (const options of SIGNERS) {
  const privateKeyPem = privateKeyFor(options.alg);
  describeStore(`jwt ${Object.values(options).join(' ')}`, {
    definition: jwt,
    options,
    ...(privateKeyPem === undefined ? {} : { privateKeyPem }),
  });
}
