/** `--inner`: services behind the servers, which check each read as well, and which arms can have them. */

import { isComparator } from '../../stores/comparators/definition.ts';
import { CONTROL, findStore } from '../../stores/registry.ts';
import { traitsOf } from '../../stores/traits.ts';
import type { InnerCheck } from './inner-check.ts';
import type { StoreChoice } from './store-choice.ts';
import { conflict } from './values.ts';
import type { Scenario } from './words.ts';

/** How the inner services of an arm check; `undefined` for the control, which has nothing to check. */
export const innerCheckOf = ({
  store,
  inner,
}: Pick<StoreChoice, 'store' | 'inner'>): InnerCheck | undefined =>
  store === CONTROL.name ? undefined : (inner ?? 'ask');

/** Whether inner services can check these arms. @throws BenchError CONFLICT */
export function checkInner(
  stores: readonly StoreChoice[],
  scenarios: readonly Scenario[],
  innerServers: readonly number[] | undefined,
): void {
  if (innerServers === undefined) {
    const [alone] = stores.filter(({ inner }) => inner !== undefined);
    if (alone === undefined) return;
    const got = `${alone.store}:inner=${alone.inner} alone`;
    throw conflict(
      '--inner with an arm that says how inner services check',
      got,
      'Add --inner 3 to pnpm bench run, or leave that out.',
    );
  }
  const other = scenarios.find((scenario) => scenario !== 'read');
  if (other !== undefined)
    throw conflict('--scenario read with --inner', `--scenario ${other}`, 'Leave --inner out.');
  for (const choice of stores) checkArm(choice);
}

function checkArm(choice: StoreChoice): void {
  const { store, options, module, site, inner } = choice;
  const definition = findStore(store);
  if (definition === undefined || module !== undefined || site !== undefined || isComparator(definition)) {
    throw conflict('our own backends with --inner', store, 'Leave it or --inner out.');
  }
  if (definition === CONTROL) {
    if (inner === undefined) return;
    throw conflict(`${store} without inner`, `inner=${inner}`, 'Leave that out: it checks nothing.');
  }
  if (inner === 'token' || traitsOf(definition, options, 'second').shared) return;
  const remedy = `Write ${store}:inner=token, or leave ${store} out.`;
  throw conflict('sessions that another server can look up with --inner', store, remedy);
}
