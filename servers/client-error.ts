import type { Socket } from 'node:net';
import { SERVER_HEADER } from './protocol.ts';

/** How long what a client still sends is taken and thrown away, so that our reply is not lost to a reset. */
const LINGER_MS = 1000;

const REASONS: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
};

/** Answers what never became a request, as HTTP has it: with the headers and the body of any other refusal. */
export function answerClientError(serverId: string): (error: { code?: string }, socket: Socket) => void {
  return ({ code = '' }, socket) => {
    // Gone, or answered already: each further piece of a broken request comes by here.
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
    // The parser takes nothing more after an error of its own. After a time-out it would.
    if (!code.startsWith('HPE_')) return socket.destroySoon();
    const end = setTimeout(() => socket.destroy(), LINGER_MS).unref();
    socket.once('close', () => clearTimeout(end));
  };
}
