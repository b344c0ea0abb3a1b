/**
 * The server of scripts/generator-scale.ts: logs anybody in and shows every session, out of the cookie alone. It keeps
 * nothing, so that what a million sessions cost is the load generator's.
 */

import { type AddressInfo, createServer, type Socket } from 'node:net';
import { payloadFor, SESSION_COOKIE } from '../servers/protocol.ts';

const PAYLOAD_BYTES = Number(process.argv[2]);
/** As long as ids of ours, 43 characters; ends with the user. */
const ID_HEAD = 'i'.repeat(35);
const HEAD_END = '\r\n\r\n';

function replyOf(head: string, body: string): string {
  const cookie = new RegExp(`${SESSION_COOKIE}=i{35}(u\\d{7})`).exec(head)?.[1];
  if (cookie !== undefined) {
    const data = payloadFor(cookie, 0, PAYLOAD_BYTES);
    return written(`{"user":"${cookie}","role":"user","version":1,"data":"${data}"}`, '');
  }
  const user = /"user":"(u\d{7})"/.exec(body)?.[1] ?? '';
  const set = `set-cookie: ${SESSION_COOKIE}=${ID_HEAD}${user}; Path=/; Secure; HttpOnly; SameSite=Lax\r\n`;
  return written(`{"user":"${user}","role":"user"}`, set);
}

const written = (body: string, more: string) =>
  `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n${more}content-length: ${body.length}${HEAD_END}${body}`;

/** Requests come one at a time on each connection, or several in a row. */
function serve(socket: Socket): void {
  let text = '';
  socket.setEncoding('latin1');
  socket.on('data', (chunk: string) => {
    text += chunk;
    let replies = '';
    for (let end = text.indexOf(HEAD_END); end >= 0; end = text.indexOf(HEAD_END)) {
      const head = text.slice(0, end);
      const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0);
      const next = end + HEAD_END.length + length;
      if (text.length < next) break;
      replies += replyOf(head, text.slice(end + HEAD_END.length, next));
      text = text.slice(next);
    }
    if (replies !== '') socket.write(replies, 'latin1');
  });
  socket.on('error', () => socket.destroy());
}

const server = createServer({ noDelay: true }, serve);
server.listen(0, '127.0.0.1', () => {
  process.send?.({ type: 'ready', port: (server.address() as AddressInfo).port });
});
process.on('disconnect', () => process.exit(0));
