/** The value of a JSON text; `undefined` for any other text. */
export function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** A field of a JSON text, dots for nesting; `undefined` when it is missing or the text is not JSON. */
export function fieldIn(text: string, path: string): unknown {
  let value = parsedJson(text);
  for (const key of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Record<string, unknown>)[key];
  }
  return value;
}

/** Whether the field of a user names one. */
export const isName = (value: unknown): boolean =>
  (typeof value === 'string' && value !== '') || typeof value === 'number';
