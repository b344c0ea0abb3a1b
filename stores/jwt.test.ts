import { describeStore } from './conformance.ts';
import { jwt } from './jwt.ts';
import { privateKeyFor } from './jwt-fixture.ts';
import { JWT_ALGORITHMS } from './jwt-keys.ts';

for (const alg of JWT_ALGORITHMS) {
  const privateKeyPem = privateKeyFor(alg);
  describeStore(`jwt ${alg}`, {
    definition: jwt,
    options: { alg },
    ...(privateKeyPem === undefined ? {} : { privateKeyPem }),
  });
}
