import { isUtf8 } from 'node:buffer';
import { conflict, usage } from '../config/values.ts';
import { readInput } from './input-file.ts';
import type { ProbeBody } from './job.ts';
import { WITHOUT_BODY } from './requests.ts';

/** Method and body of the requests. */

const MAX_BODY_BYTES = 16 * 1024 * 1024;

/** @throws BenchError USAGE for what cannot be the method of a request here. */
export function parseMethod(text: string, where: string): string {
  if (text === 'CONNECT')
    throw usage(`a method with a reply of its own for ${where}`, '"CONNECT"', 'A probe opens no tunnels.');
  if (/^[A-Z][A-Z-]{0,31}$/.test(text)) return text;
  const upper = text.toUpperCase();
  const remedy = /^[A-Z][A-Z-]{0,31}$/.test(upper) ? `Did you mean ${upper}?` : 'Write for example POST.';
  throw usage(`a method in capital letters for ${where}`, JSON.stringify(text.slice(0, 40)), remedy);
}

export interface BodyFlags {
  method: string | undefined;
  body: string | undefined;
  bodyFile: string | undefined;
}

/** The method is GET if not given, and POST with a body, as curl does. @throws BenchError USAGE, CONFLICT */
export function parseBody(
  { method, body: text, bodyFile }: BodyFlags,
  headers: Readonly<Record<string, string>>,
): { method: string; body?: ProbeBody } {
  if (text !== undefined && bodyFile !== undefined) {
    throw conflict('one body', '--body with --body-file', 'Leave one of them out.');
  }
  const bytes =
    bodyFile === undefined
      ? text === undefined
        ? undefined
        : Buffer.from(text)
      : readInput('body-file', bodyFile, MAX_BODY_BYTES);
  if (bytes === undefined) return { method: method ?? 'GET' };
  if (method !== undefined && WITHOUT_BODY.includes(method)) {
    throw conflict('a method that has a body', `--method ${method}`, 'Leave the body or the method out.');
  }
  const contentType = headers['content-type'] === undefined ? { contentType: typeOf(bytes) } : {};
  const body = { base64: bytes.toString('base64'), ...contentType, goesWithGet: method === 'GET' };
  return { method: method ?? 'POST', body };
}

/** By what it is: JSON, a form, text, or other bytes. */
function typeOf(bytes: Buffer): string {
  if (!isUtf8(bytes)) return 'application/octet-stream';
  const text = bytes.toString();
  if (isJson(text)) return 'application/json';
  const isForm = /^[\w.~%+*[\]-]+=[^\s=&]*(?:&[\w.~%+*[\]-]+=[^\s=&]*)*$/.test(text);
  return isForm ? 'application/x-www-form-urlencoded' : 'text/plain; charset=utf-8';
}

/** An object or an array. */
function isJson(text: string): boolean {
  if (!/^\s*[{[]/.test(text)) return false;
  try {
    JSON.parse(text);
    return true;
  } catch (error) {
    if (error instanceof SyntaxError) return false;
    throw error;
  }
}
