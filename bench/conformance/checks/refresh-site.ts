import type { Scene } from '../scene.ts';

/** The backend in refresh mode, on a separate site; `undefined` if it is in that mode already, or has none. */
export async function refreshSite(scene: Scene): Promise<Scene | undefined> {
  const { refreshing, traits } = scene.subject;
  if (scene.own === undefined || refreshing === undefined || traits.refresh === 'rotating') return undefined;
  return refreshVariant(scene);
}

/** The shared site in refresh mode. */
export function refreshVariant(scene: Scene): Promise<Scene> {
  const { refreshing } = scene.subject;
  if (refreshing === undefined) throw new Error('expected a backend that can issue refresh tokens');
  return scene.variant({ name: 'refresh', options: refreshing });
}
