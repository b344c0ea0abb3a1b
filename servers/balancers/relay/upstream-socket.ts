/** A socket to a server that stays readable when the server no longer takes what we send. */

import { type OnReadOpts, Socket, type SocketConstructorOpts } from 'node:net';

/**
 * A server may answer a request that it has not read to its end, and close. The reset that follows makes our next
 * write fail while the reply still waits in the kernel, and Node would throw it away by destroying the socket.
 * Nothing is overridden that a write or a read goes through.
 */
export class UpstreamSocket extends Socket {
  /** A write has failed: nothing more can be sent, and what the server sent before is still to be read. */
  isDeaf = false;
  private readonly onDeaf: () => boolean;

  /** `onDeaf` is told of the first failed write and answers whether someone still waits for a reply. */
  constructor(onread: OnReadOpts, onDeaf: () => boolean) {
    const options: SocketConstructorOpts & { onread: OnReadOpts } = { onread };
    super(options);
    this.onDeaf = onDeaf;
  }

  override destroy(error?: NodeJS.ErrnoException): this {
    if (this.isDeaf || this.destroyed || !isClosedByPeer(error)) return super.destroy(error);
    this.isDeaf = true;
    return this.onDeaf() ? this : super.destroy(error);
  }

  /** With `onread` only the end is pushed; a stream that has seen an error would not emit it. */
  override push(chunk: unknown, encoding?: BufferEncoding): boolean {
    if (!this.isDeaf || chunk !== null) return super.push(chunk, encoding);
    this.emit('end');
    return false;
  }
}

function isClosedByPeer(error: NodeJS.ErrnoException | undefined): boolean {
  return error?.syscall === 'write' && (error.code === 'EPIPE' || error.code === 'ECONNRESET');
}
