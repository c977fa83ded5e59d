import { makePiece } from "./piece.ts";

/** Pieces that may be on their way to one client. */
const PIECES = 4;

/** Pieces of memory that are used again as soon as the connection gives them back. */
export class PiecePool {
  readonly #free: Buffer[] = [];
  readonly #waiting: ((piece: Buffer) => void)[] = [];
  #taken = 0;
  #released = 0;
  /** Until pieces have been seen to come back, nobody may wait for one. */
  #isProven = false;

  /**
   * A run begins: all that the run before took has arrived, so it must have come back.
   *
   * @throws when it has not
   */
  begin(): void {
    if (this.#released !== this.#taken) {
      const counts = `${this.#taken} were sent and ${this.#released} came back`;
      throw new Error(`Cannot recycle chunks: ${counts} by frame(…, { release })`);
    }
    this.#isProven = this.#taken > 0;
    this.#free.splice(PIECES);
  }

  /** A piece, or the promise of one. */
  take(): Buffer | Promise<Buffer> {
    this.#taken++;
    const piece = this.#free.pop();
    if (piece) return piece;
    if (!this.#isProven) return makePiece();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** The connection has done with `piece`. */
  release(piece: Buffer): void {
    this.#released++;
    const waiting = this.#waiting.shift();
    if (waiting) waiting(piece);
    else this.#free.push(piece);
  }
}
