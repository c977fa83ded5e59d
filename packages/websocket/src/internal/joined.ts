/** What was joined last: in one turn all connections of a hub are sent the same. */
let last: { readonly frames: readonly Uint8Array[]; readonly bytes: Uint8Array } | undefined;

/** Frames side by side: once for all connections that are sent the same in one turn. */
export function joined(frames: readonly Uint8Array[]): Uint8Array {
  const [first] = frames;
  if (first && frames.length === 1) return first;
  if (!last || !isSame(last.frames, frames)) {
    // Forgotten with the turn: it would keep memory of nobody's.
    if (!last) setImmediate(forget);
    last = { frames, bytes: Buffer.concat(frames) };
  }
  return last.bytes;
}

function isSame(one: readonly Uint8Array[], other: readonly Uint8Array[]): boolean {
  if (one.length !== other.length) return false;
  for (let index = 0; index < one.length; index++) {
    if (one[index] !== other[index]) return false;
  }
  return true;
}

function forget(): void {
  last = undefined;
}
