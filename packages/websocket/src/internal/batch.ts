import type { Held } from "./held.ts";
import { headerBytes, writeHeader } from "./header.ts";
import { joined } from "./joined.ts";
import type { Lease } from "./lease.ts";
import { type Slab, SLAB_BYTES, slabFor } from "./slab.ts";

/** Payloads up to here are copied: a copy is cheaper than one more piece for the system call. */
export const MAX_COPY = 16_384;

/** What is ready for one write to the socket. */
export class Load {
  /** In order; what slabs and leases hold may change after `release()`. */
  readonly pieces: Uint8Array[];
  #slabs: Slab[];
  readonly #leases: Lease[];

  constructor(pieces: Uint8Array[], slabs: Slab[], leases: Lease[]) {
    this.pieces = pieces;
    this.#slabs = slabs;
    this.#leases = leases;
  }

  hold(held: Held): void {
    for (const piece of this.pieces) held.add(piece);
  }

  /** The kernel has taken all of it, or never will. */
  release(): void {
    this.freeSlabs();
    for (const lease of this.#leases) lease.free();
  }

  /** Gives the slabs back, at once: what comes next finds its place still in the cache. */
  freeSlabs(): void {
    for (const slab of this.#slabs) slab.free();
    this.#slabs = [];
  }

  /** Moves out of the slabs, which others share. */
  leaveSlabs(): void {
    if (this.#slabs.length === 0) return;
    const shared = new Set(this.#slabs.map(({ bytes }) => bytes.buffer));
    for (const [index, piece] of this.pieces.entries()) {
      if (shared.has(piece.buffer)) this.pieces[index] = new Uint8Array(piece);
    }
    this.freeSlabs();
  }
}

/** Frames of one connection that leave together: small ones side by side in a slab, large ones as they are. */
export class Batch {
  /** With headers. */
  bytes = 0;
  #pieces: Uint8Array[] = [];
  #slabs: Slab[] = [];
  #leases: Lease[] = [];
  /** The piece that is being filled. */
  #slab: Slab | undefined;
  #start = 0;
  #end = 0;
  /** Prepared frames, one behind the other. */
  #run: Uint8Array[] = [];

  /** A frame whose first byte is `first`; a large payload must not change while it is leased. */
  add(first: number, payload: Uint8Array, lease?: Lease): void {
    const { byteLength } = payload;
    if (byteLength <= MAX_COPY) {
      this.addBytes(first, payload, byteLength);
      return;
    }
    const offset = this.#reserve(headerBytes(byteLength));
    writeHeader((this.#slab as Slab).bytes, offset, first, byteLength);
    this.#push(payload, lease);
  }

  /** A frame of at most {@link MAX_COPY} bytes; gives its wire bytes. */
  addBytes(first: number, payload: Uint8Array, byteLength: number): number {
    const header = headerBytes(byteLength);
    const offset = this.#reserve(header + byteLength);
    const { bytes } = this.#slab as Slab;
    writeHeader(bytes, offset, first, byteLength);
    bytes.set(payload, offset + header);
    return header + byteLength;
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
    // Mostly there is one: an empty array grows to a place for seventeen.
    if (this.#run.length === 0) this.#run = [frame];
    else this.#run.push(frame);
    this.bytes += frame.byteLength;
  }

  hold(held: Held): void {
    for (const piece of this.#pieces) held.add(piece);
    for (const frame of this.#run) held.add(frame);
    if (this.#slab) held.add(this.#slab.bytes.subarray(this.#start, this.#end));
  }

  /** Takes all out. What `lasts`, because the socket is full, must not keep slabs from others. */
  take(lasts: boolean): Load {
    this.#closePiece();
    this.#closeRun();
    const load = new Load(this.#pieces, this.#slabs, this.#leases);
    this.#pieces = [];
    this.#slabs = [];
    this.#leases = [];
    this.bytes = 0;
    if (lasts) load.leaveSlabs();
    return load;
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

  #push(large: Uint8Array, lease: Lease | undefined): void {
    this.#closePiece();
    this.#closeRun();
    this.#addPiece(large);
    if (lease) {
      lease.hold();
      this.#leases.push(lease);
    }
    this.bytes += large.byteLength;
  }

  #addPiece(piece: Uint8Array): void {
    if (this.#pieces.length === 0) this.#pieces = [piece];
    else this.#pieces.push(piece);
  }

  #closePiece(): void {
    if (!this.#slab) return;
    this.#addPiece(this.#slab.bytes.subarray(this.#start, this.#end));
    this.#slab = undefined;
  }

  #closeRun(): void {
    if (this.#run.length === 0) return;
    this.#addPiece(joined(this.#run));
    this.#run = [];
  }
}
