import type { Operation } from '../config/contract.ts';

/** Values for the `{name}` of an operation's path and body. */
export type Values = Readonly<Partial<Record<'user' | 'password' | 'next' | 'data' | 'handle', string>>> & {
  readonly version?: number;
  readonly disabled?: boolean;
};

/** The path of an operation with these values, percent-encoded. */
export function filledPath(path: string, values: Values): string {
  return path.replaceAll(/\{(\w+)\}/g, (_, key: keyof Values) =>
    encodeURIComponent(String(values[key] ?? '')),
  );
}

/** The body of an operation, a text or a value for JSON, and the header that says how it is written. */
export function bodyOf(
  operation: Operation,
  values: Values,
): { body?: unknown; headers?: Record<string, string> } {
  if (operation.body === undefined) return {};
  const body = filledBody(operation.body, values);
  if (operation.encoding !== 'form') return { body };
  const fields = Object.entries(body).map(([field, one]): [string, string] => [field, String(one)]);
  return {
    body: new URLSearchParams(fields).toString(),
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
  };
}

/** The body of an operation with these values. Fields without a value are omitted, such as an unknown version. */
export function filledBody(body: NonNullable<Operation['body']>, values: Values) {
  const filled: Record<string, unknown> = {};
  for (const [field, value] of Object.entries(body)) {
    const key = typeof value === 'string' ? /^\{(\w+)\}$/.exec(value)?.[1] : undefined;
    const fixed = typeof value === 'object' ? filledBody(value, values) : value;
    const found = key === undefined ? fixed : values[key as keyof Values];
    if (found !== undefined) filled[field] = found;
  }
  return filled;
}
