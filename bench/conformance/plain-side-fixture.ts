import { createServer, type OutgoingHttpHeaders, type Server } from 'node:http';
import { Agent, request as requestOverTls } from 'node:https';
import { createServer as createTcpServer, type Server as TcpServer } from 'node:net';

/** What a site over TLS has at its port for plain HTTP, in tests. */

/** A reply to every request for this path. */
export type PlainReply = (path: string) => { status: number; headers?: OutgoingHttpHeaders };

/**
 * `serves`: a gateway that forwards plain HTTP as it does TLS. `closed`: nothing listens. `mute`: something that speaks
 * no HTTP listens.
 */
export type Plain = PlainReply | 'serves' | 'closed' | 'mute';

const open: (Server | TcpServer)[] = [];

export function closePlainSides(): void {
  for (const server of open.splice(0)) {
    server.close();
    if ('closeAllConnections' in server) server.closeAllConnections();
  }
}

/** Its address, which closePlainSides ends. @param site the address of the site over TLS. */
export async function openPlainSide(plain: Plain, site: string): Promise<string> {
  const server = plain === 'mute' ? createTcpServer((socket) => socket.destroy()) : httpServer(plain, site);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  if (plain === 'closed') await new Promise((resolve) => server.close(resolve));
  else open.push(server);
  return `http://127.0.0.1:${port}`;
}

function httpServer(plain: Exclude<Plain, 'mute'>, site: string): Server {
  return createServer((request, response) => {
    if (typeof plain === 'function') {
      const { status, headers = {} } = plain(request.url ?? '/');
      request.resume();
      response.writeHead(status, headers).end('{}');
      return;
    }
    const { method, headers } = request;
    const to = new URL(request.url ?? '/', site);
    // Of a site by a name, whose certificate is its own.
    const agent = new Agent({ rejectUnauthorized: false });
    const name = headers.host?.replace(/:\d+$/, '');
    const options = { agent, method: method as string, headers: { ...headers, host: name } };
    const forward = requestOverTls(to, options, (reply) => {
      response.writeHead(reply.statusCode ?? 502, reply.headers);
      reply.pipe(response);
    });
    request.pipe(forward);
  });
}
