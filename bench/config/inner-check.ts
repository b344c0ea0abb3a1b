/** How the inner services of an arm check: the pair `inner=token` among its options in `--store`. */

import type { InnerPlan } from '../../servers/protocol.ts';
import { oneOf, quoted, usage } from './values.ts';

export type InnerCheck = InnerPlan['check'];

const CHECKS = ['ask', 'token'] as const satisfies readonly InnerCheck[];
const PAIR = /^inner=(.*)$/s;

/** That pair, and the other options of an arm. @throws BenchError USAGE */
export function takeInner(given: string | undefined): {
  inner: InnerCheck | undefined;
  rest: string | undefined;
} {
  const pairs = given?.split(/[;+]/) ?? [];
  const [own, ...more] = pairs.filter((pair) => PAIR.test(pair));
  if (own === undefined) return { inner: undefined, rest: given };
  if (more.length > 0)
    throw usage('one value for inner', quoted(given ?? ''), 'Join options by +, each once.');
  const others = pairs.filter((pair) => !PAIR.test(pair));
  const inner = oneOf('store …:inner=', PAIR.exec(own)?.[1], CHECKS);
  return { inner, rest: others.length === 0 ? undefined : others.join('+') };
}
