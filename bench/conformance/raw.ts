import { connect } from 'node:net';

const SILENCE_MS = 300;
/** Limit of the wait for the first byte, whatever the silence allowed. */
const MAX_MS = 10_000;

/**
 * Writes bytes to an address and returns all that came back, as Latin-1 text, until the connection ended or was silent
 * for `silenceMs` after the first byte. A cut connection ends the result; it does not throw.
 */
export function exchangeRaw(base: string, bytes: string | Buffer, silenceMs = SILENCE_MS): Promise<string> {
  const { hostname, port } = new URL(base);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname);
    let text = '';
    let timer = setTimeout(() => finish(), MAX_MS);
    let isConnected = false;
    function finish(): void {
      clearTimeout(timer);
      socket.destroy();
      resolve(text);
    }
    socket.setEncoding('latin1');
    socket.on('connect', () => {
      isConnected = true;
      socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
    });
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
        reject(error);
      }
    });
  });
}
