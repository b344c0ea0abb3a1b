import type { Wire } from '../config/wire.ts';
import { openEvent, openSocket } from '../load/wire.ts';

const SILENCE_MS = 300;
/** Limit of the wait for the first byte, and of the whole reply. */
const MAX_MS = 10_000;

/** Stands for the host of the site in requests that are written out. */
export const HOST = 'Host: site\r\n';

/**
 * Writes bytes to an address and returns all that came back, as Latin-1 text, until the connection ended or was silent
 * for `silenceMs` after the first byte. A cut connection ends the result; it does not throw. The site's own host and
 * the path of its base are put into the request.
 */
export function exchangeRaw(
  base: string,
  given: string | Buffer,
  silenceMs = SILENCE_MS,
  wire: Wire = {},
): Promise<string> {
  const url = new URL(base);
  const bytes = addressed(url, typeof given === 'string' ? Buffer.from(given, 'latin1') : given, wire);
  return new Promise((resolve, reject) => {
    const socket = openSocket(url, wire);
    socket.once(openEvent(url), () => {
      isConnected = true;
      socket.write(bytes);
    });
    let text = '';
    let timer = setTimeout(() => finish(), MAX_MS);
    // A reply that drips is never silent.
    const limit = setTimeout(() => finish(), MAX_MS);
    let isConnected = false;
    function finish(): void {
      clearTimeout(timer);
      clearTimeout(limit);
      socket.destroy();
      resolve(text);
    }
    socket.setEncoding('latin1');
    socket.on('data', (part: string) => {
      text += part;
      clearTimeout(timer);
      timer = setTimeout(finish, silenceMs);
    });
    socket.on('close', finish);
    socket.on('error', (error) => {
      // Refused bytes cause a reset; an unreachable server is an error.
      if (!isConnected) {
        clearTimeout(timer);
        clearTimeout(limit);
        reject(error);
      }
    });
  });
}

/** The request for this site: its bytes are Latin-1 or UTF-8, and only ASCII is changed. */
function addressed({ host, pathname, username, password }: URL, bytes: Buffer, wire: Wire): Buffer {
  const prefix = pathname.replace(/\/$/, '');
  const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  const lines = Object.entries({
    Host: wire.host ?? host,
    ...wire.headers,
    ...(credentials === ':' ? {} : { Authorization: `Basic ${Buffer.from(credentials).toString('base64')}` }),
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  const text = bytes.toString('latin1').replace(HOST, () => lines.join(''));
  return Buffer.from(prefix === '' ? text : text.replace(/^([A-Z]+ )\//, `$1${prefix}/`), 'latin1');
}
