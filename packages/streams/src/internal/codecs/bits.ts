import { unreadable } from "./kind.ts";

/** Reads numbers of any width, most significant bit first; never past the end. */
export class BitReader {
  readonly #bytes: Uint8Array;
  #position = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  flag(): boolean {
    return this.bits(1) === 1;
  }

  /** The next `count` bits, 32 at most, as an unsigned number. */
  bits(count: number): number {
    let value = 0;
    for (let left = count; left > 0; left--) {
      const byte = this.#bytes[this.#position >> 3];
      if (byte === undefined) {
        throw unreadable(`its header is cut off after ${this.#bytes.length} bytes`);
      }
      value = value * 2 + ((byte >> (7 - (this.#position & 7))) & 1);
      this.#position++;
    }
    return value;
  }
}
