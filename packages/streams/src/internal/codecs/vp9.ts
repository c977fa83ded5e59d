import { BitReader } from "./bits.ts";
import { type FrameKind, type FrameReader, unreadable } from "./kind.ts";

const SYNC_CODE = 0x498342;

/**
 * Reads the kind of VP9 frames and superframes from their uncompressed headers.
 *
 * A frame that refreshes no reference can still be needed: the next one predicts its motion vectors
 * and probabilities. Only error resilient frames do not, and encoders make all of a stream so or
 * none. So a frame is droppable when it is error resilient and so was every delta since the
 * keyframe. One that only shows a kept picture is a few bytes: it passes for a delta.
 *
 * @see https://storage.googleapis.com/downloads.webmproject.org/docs/vp9/vp9-bitstream-specification-v0.7-20170222-draft.pdf#page=28
 * (section 6.2, its semantics in 7.2)
 */
export function vp9(): FrameReader {
  let isResilient = true;

  const read = (bytes: Uint8Array): FrameKind => {
    const header = new BitReader(bytes);
    if (header.bits(2) !== 2) throw unreadable("it does not start with VP9's frame marker");
    const profile = header.bits(1) + 2 * header.bits(1);
    if (profile === 3) header.bits(1);
    const showsExisting = header.flag();
    if (showsExisting) return "delta";
    const isKey = !header.flag();
    const isShown = header.flag();
    const isErrorResilient = header.flag();
    if (isKey) {
      if (header.bits(24) !== SYNC_CODE) throw unreadable("a VP9 keyframe without its sync code");
      isResilient = true;
      return "key";
    }
    isResilient &&= isErrorResilient;
    const isIntraOnly = !isShown && header.flag();
    // An intra-only frame is there to be referred to.
    if (isIntraOnly || !isResilient) return "delta";
    const refreshes = header.bits(8);
    return refreshes === 0 ? "droppable" : "delta";
  };

  return (bytes) => {
    const [first = "delta", ...rest] = framesOf(bytes).map(read);
    if (first === "droppable" && rest.some((kind) => kind !== "droppable")) return "delta";
    return first;
  };
}

/** Cuts a superframe by the index at its end (Annex B); anything else is one frame. */
function framesOf(bytes: Uint8Array): Uint8Array[] {
  const marker = bytes.at(-1) ?? 0;
  const count = (marker & 7) + 1;
  const sizeBytes = ((marker >> 3) & 3) + 1;
  const indexStart = bytes.length - (2 + sizeBytes * count);
  if (marker >> 5 !== 6 || bytes[indexStart] !== marker) return [bytes];
  const frames: Uint8Array[] = [];
  let start = 0;
  for (let frame = 0; frame < count; frame++) {
    let size = 0;
    for (let byte = sizeBytes - 1; byte >= 0; byte--) {
      size = size * 256 + (bytes[indexStart + 1 + frame * sizeBytes + byte] ?? 0);
    }
    if (size === 0 || start + size > indexStart) {
      throw unreadable(`frame ${frame} of a superframe has ${size} of ${indexStart - start} bytes`);
    }
    frames.push(bytes.subarray(start, start + size));
    start += size;
  }
  return frames;
}
