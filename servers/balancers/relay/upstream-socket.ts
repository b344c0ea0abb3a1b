/** A socket that stays readable after the server has stopped accepting bytes. */

import { type OnReadOpts, Socket, type SocketConstructorOpts } from 'node:net';

/**
 * A server may reply to a request that it has not read completely, and close. The reset that follows fails the next
 * write while the reply still waits in the kernel, and Node would lose it by destroying the socket. Nothing on the path
 * of a write or a read is overridden.
 */
export class UpstreamSocket extends Socket {
  /** A write has failed: nothing more can be sent, but what the server sent before can still be read. */
  isWriteFailed = false;
  private readonly onWriteFailed: () => boolean;

  /** `onWriteFailed` is called on the first failed write, and returns whether a reply is still awaited. */
  constructor(onread: OnReadOpts, onWriteFailed: () => boolean) {
    const options: SocketConstructorOpts & { onread: OnReadOpts } = { onread };
    super(options);
    this.onWriteFailed = onWriteFailed;
  }

  override destroy(error?: NodeJS.ErrnoException): this {
    if (this.isWriteFailed || this.destroyed || !isClosedByPeer(error)) return super.destroy(error);
    this.isWriteFailed = true;
    return this.onWriteFailed() ? this : super.destroy(error);
  }

  /** With `onread` only the end is pushed; a stream with an error would not emit it. */
  override push(chunk: unknown, encoding?: BufferEncoding): boolean {
    if (!this.isWriteFailed || chunk !== null) return super.push(chunk, encoding);
    this.emit('end');
    return false;
  }
}

function isClosedByPeer(error: NodeJS.ErrnoException | undefined): boolean {
  return error?.syscall === 'write' && (error.code === 'EPIPE' || error.code === 'ECONNRESET');
}
