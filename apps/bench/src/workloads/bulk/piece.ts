export const PIECE_BYTES = 65_536;

/** As a file or an encoder gives it: fresh memory, written to. */
export function makePiece(): Buffer {
  return Buffer.alloc(PIECE_BYTES, 1);
}
