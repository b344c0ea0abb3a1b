/** Replies of the relay itself. All of them close the connection. */

const REASONS: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  431: 'Request Header Fields Too Large',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
  505: 'HTTP Version Not Supported',
};

/** A whole reply with that status; without its body for HEAD (RFC 9110 §9.3.2). */
export function refusal(status: number, isHeadRequest: boolean): string {
  const text = `${status} ${REASONS[status] ?? 'Error'}`;
  const body = `${text}, says the balancer\n`;
  const allow = status === 405 ? 'Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n' : '';
  const head = `HTTP/1.1 ${text}\r\nContent-Type: text/plain\r\nContent-Length: ${body.length}\r\nCache-Control: no-store\r\n${allow}Connection: close\r\n\r\n`;
  return isHeadRequest ? head : head + body;
}
