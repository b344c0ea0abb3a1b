import type { Operation } from './measure.ts';

/** Operations that do nothing, of the group's kinds. Nothing is subtracted from the others: the reader sees both. */
export function baselines(...kinds: Operation['kind'][]): Operation[] {
  return kinds.map((kind) =>
    kind === 'sync'
      ? { name: 'nothing: a call', kind, run: () => undefined }
      : { name: 'nothing: a call of an async function, awaited', kind, run: async () => undefined },
  );
}
