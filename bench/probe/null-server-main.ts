import { type AddressInfo, createServer, type Socket } from 'node:net';

/**
 * A minimal server: it counts the ends of request heads and writes as many constant replies. The rate that a generator
 * reaches against it is the generator's own limit. Bodies are skipped unparsed, so they must not contain an empty line;
 * JSON on one line never does.
 */

const BODY = '{"status":"ok"}';
const REPLY = `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${BODY.length}\r\n\r\n${BODY}`;
const HEAD_END = Buffer.from('\r\n\r\n');

function serve(socket: Socket): void {
  let carried: Buffer = Buffer.alloc(0);
  socket.on('data', (chunk) => {
    const bytes = carried.length === 0 ? chunk : Buffer.concat([carried, chunk]);
    let replies = 0;
    let from = 0;
    for (let at = bytes.indexOf(HEAD_END); at >= 0; at = bytes.indexOf(HEAD_END, from)) {
      replies += 1;
      from = at + HEAD_END.length;
    }
    // A head's end may be split over two packets: keep its last three bytes.
    carried = bytes.subarray(Math.max(from, bytes.length - HEAD_END.length + 1));
    if (replies > 0) socket.write(replies === 1 ? REPLY : REPLY.repeat(replies), 'latin1');
  });
  // A client that disconnects abruptly does not matter here: its requests are counted by the sender.
  socket.on('error', () => socket.destroy());
}

const server = createServer({ noDelay: true }, serve);
server.listen(0, '127.0.0.1', () => {
  process.send?.({ type: 'ready', port: (server.address() as AddressInfo).port });
});
process.on('SIGTERM', () => process.exit(0));
// The harness has died, even by kill -9.
process.on('disconnect', () => process.exit(0));
