import { headerBytes, writeHeader } from "./header.ts";
import { joined } from "./joined.ts";
import { type Slab, SLAB_BYTES, slabFor } from "./slab.ts";

/** Payloads up to here are copied: a copy is cheaper than one more piece for the system call. */
export const MAX_COPY = 16_384;

/** What is ready for one write to the socket. */
export interface Load {
  /** In order; nobody changes them before `release()`. */
  readonly pieces: readonly Uint8Array[];
  /** The kernel has taken all of it, or never will. */
  release(): void;
}

/** Frames of one connection that leave together: small ones side by side in a slab, large ones as they are. */
export class Batch {
  /** With headers. */
  bytes = 0;
  #pieces: Uint8Array[] = [];
  #slabs: Slab[] = [];
  /** The piece that is being filled. */
  #slab: Slab | undefined;
  #start = 0;
  #end = 0;
  /** Prepared frames, one behind the other. */
  #run: Uint8Array[] = [];

  /** A frame whose first byte is `first`; a large payload must not change any more. */
  add(first: number, payload: Uint8Array): void {
    const { byteLength } = payload;
    const isLarge = byteLength > MAX_COPY;
    const offset = this.#reserve(headerBytes(byteLength) + (isLarge ? 0 : byteLength));
    const slab = this.#slab as Slab;
    const behind = writeHeader(slab.bytes, offset, first, byteLength);
    if (isLarge) this.#push(payload);
    else slab.bytes.set(payload, behind);
  }

  /** A text frame of at most {@link MAX_COPY} bytes of UTF-8. */
  addText(first: number, text: string, byteLength: number): void {
    const offset = this.#reserve(headerBytes(byteLength) + byteLength);
    const { bytes } = this.#slab as Slab;
    bytes.write(text, writeHeader(bytes, offset, first, byteLength));
  }

  /** A whole small frame with its header, shared with other connections. */
  addPrepared(frame: Uint8Array): void {
    this.#closePiece();
    this.#run.push(frame);
    this.bytes += frame.byteLength;
  }

  /** Takes all out. What `lasts`, because the socket is full, must not keep slabs from others. */
  take(lasts: boolean): Load {
    this.#closePiece();
    this.#closeRun();
    let [pieces, slabs] = [this.#pieces, this.#slabs];
    this.#pieces = [];
    this.#slabs = [];
    this.bytes = 0;
    const release = (): void => {
      for (const slab of slabs) slab.release();
      slabs = [];
    };
    if (lasts && slabs.length > 0) {
      const shared = new Set(slabs.map(({ bytes }) => bytes.buffer));
      pieces = pieces.map((piece) => (shared.has(piece.buffer) ? new Uint8Array(piece) : piece));
      release();
    }
    return { pieces, release };
  }

  /** Makes place for `bytes` in a slab, behind what is there if nobody else has put something there. */
  #reserve(bytes: number): number {
    if (this.#run.length > 0) this.#closeRun();
    this.bytes += bytes;
    let slab = this.#slab;
    if (!slab || slab.used !== this.#end || slab.used + bytes > SLAB_BYTES) {
      this.#closePiece();
      slab = slabFor(bytes);
      this.#slab = slab;
      this.#slabs.push(slab);
      this.#start = slab.used;
    }
    const offset = slab.used;
    slab.used += bytes;
    this.#end = slab.used;
    return offset;
  }

  #push(large: Uint8Array): void {
    this.#closePiece();
    this.#closeRun();
    this.#pieces.push(large);
    this.bytes += large.byteLength;
  }

  #closePiece(): void {
    if (!this.#slab) return;
    this.#pieces.push(this.#slab.bytes.subarray(this.#start, this.#end));
    this.#slab = undefined;
  }

  #closeRun(): void {
    if (this.#run.length === 0) return;
    this.#pieces.push(joined(this.#run));
    this.#run = [];
  }
}
