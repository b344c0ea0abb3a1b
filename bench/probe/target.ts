import { quoted, usage } from '../config/values.ts';

export const EXAMPLE = 'Write for example pnpm bench probe http://127.0.0.1:3000/.';

/** The URL that the command names. @throws BenchError USAGE */
export function parseTarget(text: string): URL {
  if (!URL.canParse(text)) {
    // Before an @ may stand a password, in any spelling.
    const got = text.includes('@') ? 'text that is not a URL' : quoted(text);
    throw usage('a URL to probe', got, EXAMPLE);
  }
  const url = new URL(text);
  if (!/^https?:$/.test(url.protocol)) {
    throw usage('a URL that begins with http:// or https://', quoted(text), EXAMPLE);
  }
  if (url.username !== '' || url.password !== '') {
    throw usage('a URL without user and password', quoted(text), "Send them by -H 'authorization: …'.");
  }
  return url;
}

export const pathOf = (url: URL): string => url.pathname + url.search;
