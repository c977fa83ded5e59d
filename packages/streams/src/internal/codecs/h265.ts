import { type FrameReader, unreadable } from "./kind.ts";
import { nalUnits } from "./nal.ts";

/** Ranges of `nal_unit_type` (table 7-1). */
const LAST_NON_REFERENCE = 14;
const FIRST_IRAP = 16;
const LAST_IRAP = 21;
const VPS = 32;
const SPS = 33;
const PPS = 34;

/** What an H.265 stream's configuration record tells. */
interface H265Config {
  /** Bytes of a NAL unit's length; without it the frame tells. */
  readonly lengthBytes?: number | undefined;
  /** The highest temporal sub-layer; without it frames are droppable from the first SPS on. */
  readonly topLayer?: number | undefined;
}

/**
 * Reads the kind of H.265 access units from the first two bytes of their NAL units.
 *
 * Every IRAP picture is a key, as in WebCodecs; the leading pictures (RASL) of a CRA refer to
 * pictures before it and cannot be shown when those were dropped. A sub-layer non-reference picture
 * may still serve higher temporal sub-layers, so only one of the highest is droppable.
 *
 * @see https://www.itu.int/rec/T-REC-H.265 (sections 7.3.1.2 and 7.4.2.2)
 */
export function h265({ lengthBytes, topLayer }: H265Config = {}): FrameReader {
  let top = topLayer ?? Number.POSITIVE_INFINITY;
  return (bytes) => {
    let hasPicture = false;
    let hasParameters = false;
    for (const start of nalUnits(bytes, lengthBytes)) {
      const [first = 0, second = 0, third] = bytes.subarray(start, start + 3);
      const type = first >> 1;
      const layer = ((first & 1) << 5) | (second >> 3);
      const temporalLayer = (second & 7) - 1;
      if (first & 0x80 || temporalLayer < 0) throw unreadable("a NAL unit has no valid header");
      if (type < VPS) {
        if (layer === 0 && type >= FIRST_IRAP && type <= LAST_IRAP) return "key";
        const isReference = type > LAST_NON_REFERENCE || type % 2 === 1;
        if (isReference || temporalLayer < top) return "delta";
        hasPicture = true;
      } else if (type <= PPS) {
        hasParameters = true;
        if (type !== SPS || layer !== 0) continue;
        if (third === undefined) throw unreadable("an SPS is cut off");
        top = (third >> 1) & 7;
      }
    }
    if (!hasPicture) return "config";
    return hasParameters ? "delta" : "droppable";
  };
}
