/** The effective options of a backend when some are not given. */

import type { BackendDefinition, StoreOptions } from './store.ts';

/** The default of each of a backend's options. */
export function defaultOptions(definition: BackendDefinition): Record<string, string> {
  return effectiveOptions(definition, {});
}

/**
 * The effective options: defaults filled in, options that the backend does not have removed.
 * @throws Error for a value that the option does not have.
 */
export function effectiveOptions(definition: BackendDefinition, given: StoreOptions): Record<string, string> {
  return Object.fromEntries(
    Object.entries(definition.options).map(([name, { values }]) => {
      const value = given[name] ?? values[0];
      if (!values.includes(value))
        throw new Error(
          `${definition.name}: expected ${name} to be one of ${values.join(', ')}, got ${value}`,
        );
      return [name, value];
    }),
  );
}

/** These options, then the same with one value changed, for each other value of each option. */
export function variantsOf(
  definition: BackendDefinition,
  options: StoreOptions = defaultOptions(definition),
): StoreOptions[] {
  const others = Object.entries(definition.options).flatMap(([name, { values }]) =>
    values.filter((value) => value !== options[name]).map((value) => ({ ...options, [name]: value })),
  );
  return [options, ...others];
}

/** The first of these variants that issues refresh tokens; `undefined` when none does. */
export function refreshingOptions(
  definition: BackendDefinition,
  options: StoreOptions,
): StoreOptions | undefined {
  return variantsOf(definition, options).find((variant) => definition.offers(variant).includes('refresh'));
}
