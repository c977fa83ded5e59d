/** Bytes of a slab: one batch, which stays in the cache from one write to the next. */
export const SLAB_BYTES = 65_536;
/** Bytes that a slab must have left for a new piece: less would soon be two pieces. */
const MIN_PIECE = 4_096;
/** Slabs that are kept for later; the rest goes to the collector. */
const MAX_SPARE = 16;

/** Memory that many small frames, of any number of connections, share on their way to the kernel. */
export class Slab {
  readonly bytes: Buffer = Buffer.allocUnsafeSlow(SLAB_BYTES);
  /** Bytes given out. */
  used = 0;
  /** Pieces of it that the kernel has yet to take. */
  #holders = 0;

  hold(): void {
    this.#holders++;
  }

  free(): void {
    if (--this.#holders > 0) return;
    this.used = 0;
    if (this !== current && spare.length < MAX_SPARE) spare.push(this);
  }
}

const spare: Slab[] = [];
let current = new Slab();

/** The slab that has `bytes` left, or another; one piece of it is held for the caller. */
export function slabFor(bytes: number): Slab {
  if (current.used + Math.max(bytes, MIN_PIECE) > SLAB_BYTES) current = spare.pop() ?? new Slab();
  current.hold();
  return current;
}
