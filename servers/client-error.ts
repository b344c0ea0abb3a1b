import type { Socket } from 'node:net';
import { SERVER_HEADER } from './protocol.ts';

/** For this long further bytes of the client are discarded, so that a reset does not destroy the reply. */
const LINGER_MS = 1000;

const REASONS: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
};

/** Replies to bytes that did not form a request, with the headers and the body of any other refusal. */
export function replyToClientError(serverId: string): (error: { code?: string }, socket: Socket) => void {
  return ({ code = '' }, socket) => {
    // Closed, or replied to already: every further piece of a broken request raises this again.
    if (code === 'ECONNRESET' || !socket.writable) return;
    const body = '{"error":"bad_request"}';
    socket.end(
      [
        `HTTP/1.1 ${REASONS[code] ?? '400 Bad Request'}`,
        `${SERVER_HEADER}: ${serverId}`,
        'cache-control: no-store',
        'content-type: application/json; charset=utf-8',
        `content-length: ${body.length}`,
        'connection: close',
        '',
        body,
      ].join('\r\n'),
    );
    // After an error of its own the parser reads nothing more. After a time-out it would.
    if (!code.startsWith('HPE_')) return socket.destroySoon();
    const end = setTimeout(() => socket.destroy(), LINGER_MS).unref();
    socket.once('close', () => clearTimeout(end));
  };
}
