/** Bodies that no well-behaved client sends. */

export interface Malformed {
  how: string;
  body: string;
  contentType?: string;
  /** The whole of a valid body is in it: a site may ignore what else is there. */
  isComplete?: boolean;
}

type Fields = Readonly<Record<string, unknown>>;

/** Values of every JSON type: for each field, those of another type are wrong. */
const KINDS: readonly unknown[] = ['text', 7, true, null, [], ['x'], {}, { a: 1 }];

const kindOf = (value: unknown) =>
  value === null ? 'null' : Array.isArray(value) ? 'array' : (typeof value as string);

const DEPTH = 50_000;

/**
 * A valid body, broken in every way. The canary is placed in fields and around them, so that a log that repeats bodies
 * is detected.
 */
export function malformedBodies(right: Fields, canary: string): Malformed[] {
  return [...notJson(right, canary), ...wrongFields(right, canary), ...wrongTypes(right)];
}

function notJson(right: Fields, canary: string): Malformed[] {
  const text = JSON.stringify(right);
  return [
    { how: 'an empty body', body: '' },
    { how: 'half of a body', body: text.slice(0, Math.floor(text.length / 2)) },
    { how: 'text after the body', body: `${text}${canary}` },
    { how: 'two bodies', body: text + text },
    { how: 'single quotes', body: text.replaceAll('"', "'") },
    { how: 'a trailing comma', body: text.replace(/\}$/, ',}') },
    { how: 'no JSON', body: `<login>${canary}</login>` },
    { how: 'NUL', body: `\0${text}` },
    { how: 'NaN', body: '{"version":NaN,"data":NaN,"disabled":NaN}' },
    ...['null', 'true', '7', '"text"', '[]', '{}', `[${text}]`].map((body) => ({
      how: 'another value',
      body,
    })),
    { how: 'deep nesting', body: '['.repeat(DEPTH) + ']'.repeat(DEPTH) },
    { how: 'deep nesting without end', body: '{"a":'.repeat(DEPTH) },
    ...['text/plain', 'application/xml', 'multipart/form-data', 'application/x-www-form-urlencoded', 'x'].map(
      (contentType) => ({ how: 'another content type', body: text, contentType }),
    ),
    { how: 'a form', body: formOf({ ...right, canary }) },
  ];
}

function formOf(fields: Fields): string {
  return new URLSearchParams(
    Object.entries(fields).map(([key, value]): [string, string] => [key, String(value)]),
  ).toString();
}

/** A body with each field twice, wrong both times: it must be refused whichever a parser uses. */
function doubled(right: Fields): string {
  const all = (value: unknown) =>
    JSON.stringify(Object.fromEntries(Object.keys(right).map((key) => [key, value])));
  return `${all([]).slice(0, -1)},${all({}).slice(1)}`;
}

function wrongFields(right: Fields, canary: string): Malformed[] {
  const text = JSON.stringify(right);
  const withFirst = (first: string) => text.replace('{', `{${first},`);
  const missing = Object.keys(right).map((field) => ({
    how: 'a missing field',
    body: JSON.stringify({ ...right, [field]: undefined }),
  }));
  const more: Malformed[] = [
    { how: 'an unknown field', body: JSON.stringify({ ...right, unknown: canary }) },
    { how: 'a field of privilege', body: JSON.stringify({ ...right, role: 'admin', admin: true }) },
    { how: '__proto__', body: withFirst(`"__proto__":{"role":"admin","x":"${canary}"}`) },
    { how: 'constructor', body: withFirst('"constructor":{"prototype":{"role":"admin"}}') },
    { how: 'escaped __proto__', body: withFirst('"\\u005f_proto__":{"role":"admin"}') },
    {
      how: 'twenty thousand fields',
      body: withFirst(Array.from({ length: 20_000 }, (_, n) => `"f${n}":0`).join(',')),
    },
  ];
  return [
    ...missing,
    { how: 'duplicate keys', body: doubled(right) },
    ...more.map((malformed) => ({ ...malformed, isComplete: true })),
  ];
}

function wrongTypes(right: Fields): Malformed[] {
  return Object.entries(right).flatMap(([field, value]) => {
    const wrong = KINDS.filter((other) => kindOf(other) !== kindOf(value));
    const typed = wrong.map((other) => ({
      how: `a field of type ${kindOf(other)}`,
      body: JSON.stringify({ ...right, [field]: other }),
    }));
    if (typeof value !== 'number') return typed;
    const numbers = ['-1', '0', '1.5', '1e400', '-1e400', '1e21', '99999999999999999999', '-0.1'];
    const rest = JSON.stringify({ ...right, [field]: undefined }).slice(1);
    const ranged = numbers.map((text) => ({
      how: 'a number out of range',
      body: `{"${field}":${text},${rest}`,
    }));
    return [...typed, ...ranged];
  });
}
