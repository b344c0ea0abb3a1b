import { closeSync, openSync, readSync } from 'node:fs';
import { usage } from '../config/values.ts';
import { messageOf } from '../errors.ts';

const PIECE_BYTES = 1024 * 1024;

/** The bytes of a file that a flag names, a pipe as well. @throws BenchError USAGE when it cannot be read or is longer. */
export function readInput(flag: string, path: string, mostBytes: number): Buffer {
  const pieces: Buffer[] = [];
  let length = 0;
  try {
    const file = openSync(path, 'r');
    try {
      for (let piece = readPiece(file); piece.length > 0 && length <= mostBytes; piece = readPiece(file)) {
        pieces.push(piece);
        length += piece.length;
      }
    } finally {
      closeSync(file);
    }
  } catch (error) {
    throw usage(`a file that can be read for --${flag}`, messageOf(error), `Correct --${flag}.`);
  }
  if (length <= mostBytes) return Buffer.concat(pieces);
  const limit = mostBytes >= PIECE_BYTES ? `${mostBytes / PIECE_BYTES} MiB` : `${mostBytes / 1024} KiB`;
  throw usage(`a file of at most ${limit} for --${flag}`, 'more', 'Use a smaller one.');
}

function readPiece(file: number): Buffer {
  const piece = Buffer.allocUnsafe(PIECE_BYTES);
  return piece.subarray(0, readSync(file, piece));
}
