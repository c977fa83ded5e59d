import { deflate, deflateLater, isDeflated } from "./deflate.ts";
import { firstByte, PACKED, wireBytes, writeHeader } from "./header.ts";

/** A message's frame as bytes, made once for all connections that send it. */
export class Encoding {
  readonly #payload: Uint8Array;
  readonly #first: number;
  #plain: Uint8Array | undefined;
  /** By the window of the peer: compressed, or plain where that is no larger. */
  #packed: Map<number, Uint8Array> | undefined;
  #packedLater: Map<number, Promise<Uint8Array | undefined>> | undefined;

  constructor(payload: Uint8Array, binary: boolean) {
    this.#payload = payload;
    this.#first = firstByte(binary, false, true);
  }

  /** The whole frame. */
  get plain(): Uint8Array {
    this.#plain ??= whole(this.#first, this.#payload);
    return this.#plain;
  }

  /** The whole frame as a peer gets it: `windowBits` are what it has agreed to, if to anything. */
  forWindow(windowBits: number | undefined, compress: boolean | undefined): Uint8Array {
    const isPacked = windowBits !== undefined && isDeflated(this.#payload.byteLength, compress);
    return isPacked ? this.#packedFor(windowBits) : this.plain;
  }

  /** Compressed, if that makes it smaller. */
  #packedFor(windowBits: number): Uint8Array {
    this.#packed ??= new Map();
    let frame = this.#packed.get(windowBits);
    if (!frame) {
      const payload = deflate(this.#payload, windowBits);
      frame = payload ? whole(this.#first | PACKED, payload) : this.plain;
      this.#packed.set(windowBits, frame);
    }
    return frame;
  }

  /** The payload, compressed on another thread; `undefined` when that makes it no smaller. */
  async packedLater(windowBits: number): Promise<Uint8Array | undefined> {
    this.#packedLater ??= new Map();
    let packing = this.#packedLater.get(windowBits);
    if (!packing) {
      packing = deflateLater(this.#payload, windowBits);
      this.#packedLater.set(windowBits, packing);
    }
    return packing;
  }
}

function whole(first: number, payload: Uint8Array): Uint8Array {
  const frame = Buffer.allocUnsafeSlow(wireBytes(payload.byteLength));
  frame.set(payload, writeHeader(frame, 0, first, payload.byteLength));
  return frame;
}
