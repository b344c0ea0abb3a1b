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
  return {
    body: new URLSearchParams(formFields(body)).toString(),
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
  };
}

/** Fields within a field have its name before theirs in brackets, as Rails, PHP and qs read them. */
function formFields(body: Readonly<Record<string, unknown>>): [name: string, value: string][] {
  return Object.entries(body).flatMap(([field, value]): [string, string][] => {
    if (typeof value !== 'object' || value === null) return [[field, String(value)]];
    const inner = formFields(value as Readonly<Record<string, unknown>>);
    return inner.map(([name, text]) => [`${field}${name.replace(/^[^[]*/, '[$&]')}`, text]);
  });
}

/** The body of an operation with these values. Fields without a value are omitted, such as an unknown version. */
export function filledBody(body: NonNullable<Operation['body']>, values: Values) {
  const filled: Record<string, unknown> = {};
  for (const [field, value] of Object.entries(body)) {
    const found =
      typeof value === 'object'
        ? filledBody(value, values)
        : typeof value === 'string'
          ? filledText(value, values)
          : value;
    if (found !== undefined) filled[field] = found;
  }
  return filled;
}

const PLACEHOLDERS = /\{(user|password|next|data|version|handle|disabled)\}/g;

/** The value of a text that is one placeholder; a longer text, such as an address, with the values in it. */
function filledText(text: string, values: Values): unknown {
  const key = /^\{(\w+)\}$/.exec(text)?.[1] as keyof Values | undefined;
  if (key !== undefined) return values[key];
  return text.replace(PLACEHOLDERS, (_, name: keyof Values) => String(values[name] ?? ''));
}
