/**
 * Checks manifests of Kubernetes against its schemas, without a cluster: types, values, required fields, and fields that
 * Kubernetes does not know, which are mostly misspelt. Exit code 1 for a finding.
 *
 *     pnpm -C scripts/manifests install --frozen-lockfile
 *     kubectl kustomize docker/kubernetes | pnpm exec tsx scripts/manifests/check.ts
 */

import { readFileSync } from 'node:fs';
import { parseAllDocuments } from 'yaml';

interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: { name: string };
}

interface Model {
  /** @throws Error that names each wrong field. */
  validate(): void;
}

type ModelClass = new (manifest: Manifest) => Model;

/** What is wrong with an object; empty when nothing is. */
async function findingsOf(manifest: Manifest): Promise<string[]> {
  const { apiVersion, kind } = manifest;
  let models: Record<string, ModelClass>;
  try {
    models = (await import(`kubernetes-models/${apiVersion}/${kind}`)) as Record<string, ModelClass>;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    return [`Kubernetes has no ${kind} in ${apiVersion}`];
  }
  const unread = new Set<string>();
  const model = new (models[kind] as ModelClass)(manifest);
  const found: string[] = [];
  try {
    (watched(model, '', unread) as Model).validate();
  } catch (error) {
    found.push((error as Error).message);
  }
  return [...found, ...[...unread].map((path) => `${path} is not a field of ${kind}`)];
}

/** The value, with the paths of its fields in `unread` until they are read: the schemas read every field that they have. */
function watched(value: unknown, path: string, unread: Set<string>): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const fields = Object.entries(value).map(([key, child]) => {
    const at = `${path}/${key}`;
    return [key, watched(child, at, unread)] as const;
  });
  if (Array.isArray(value)) return fields.map(([, child]) => child);
  for (const [key] of fields) unread.add(`${path}/${key}`);
  const copy = Object.assign(Object.create(Object.getPrototypeOf(value)), Object.fromEntries(fields));
  return new Proxy(copy, {
    get(target, key) {
      if (typeof key === 'string') unread.delete(`${path}/${key}`);
      return Reflect.get(target, key);
    },
  });
}

const manifests = parseAllDocuments(readFileSync(0, 'utf8')).map((document) => {
  const [error] = document.errors;
  if (error !== undefined) throw error;
  return document.toJS() as Manifest;
});
for (const manifest of manifests) {
  const found = await findingsOf(manifest);
  process.stdout.write(
    `${manifest.kind} ${manifest.metadata.name}: ${found.length === 0 ? 'ok' : found.join('; ')}\n`,
  );
  if (found.length > 0) process.exitCode = 1;
}
if (manifests.length === 0) {
  process.stderr.write('manifests: expected objects of Kubernetes on standard input, got none.\n');
  process.exitCode = 2;
}
