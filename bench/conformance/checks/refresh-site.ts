import type { Scene } from '../scene.ts';

/** The backend in refresh mode, on a site of its own; `undefined` where it is in it already, and where it has none. */
export async function refreshSite(scene: Scene): Promise<Scene | undefined> {
  const { options } = scene.subject;
  if (scene.own === undefined || options['refresh'] === undefined || options['refresh'] === 'rotating')
    return undefined;
  return refreshVariant(scene);
}

/** The site in refresh mode that checks share. */
export function refreshVariant(scene: Scene): Promise<Scene> {
  return scene.variant({ name: 'refresh', options: { ...scene.subject.options, refresh: 'rotating' } });
}
