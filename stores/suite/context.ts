import { randomBytes } from 'node:crypto';
import { defaultOptions } from '../options.ts';
import type { OpenContext, StoreDefinition } from '../store.ts';

/** A context to open a backend with: its default options, an hour of absolute and ten minutes of idle time. */
export function contextFor(definition: StoreDefinition, changes: Partial<OpenContext> = {}): OpenContext {
  return {
    durability: 'second',
    namespace: `t${randomBytes(6).toString('hex')}`,
    poolSize: 4,
    idleSeconds: 600,
    absoluteSeconds: 3600,
    touchIntervalSeconds: 60,
    accessSeconds: 60,
    secret: randomBytes(32),
    maxTokenBytes: 4000,
    controlData: () => '',
    now: () => Date.now(),
    onBackgroundError: (error) => {
      throw error;
    },
    ...changes,
    options: { ...defaultOptions(definition), ...changes.options },
  };
}
