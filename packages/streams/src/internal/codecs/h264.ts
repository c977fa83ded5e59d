import { type FrameReader, unreadable } from "./kind.ts";
import { nalUnits } from "./nal.ts";

const IDR_SLICE = 5;

/**
 * Reads the kind of H.264 access units from the first byte of their NAL units.
 *
 * Only an IDR picture is a key, as in WebCodecs: what follows a recovery point may refer to
 * pictures before it. All NAL units a later picture needs, parameter sets too, have a `nal_ref_idc`
 * other than 0.
 *
 * @param lengthBytes - bytes of a NAL unit's length; without it the frame tells
 * @see https://www.itu.int/rec/T-REC-H.264 (sections 7.3.1 and 7.4.1, table 7-1)
 */
export function h264(lengthBytes?: number): FrameReader {
  return (bytes) => {
    let hasPicture = false;
    let isNeeded = false;
    for (const start of nalUnits(bytes, lengthBytes)) {
      const header = bytes[start] ?? 0;
      if (header & 0x80) throw unreadable("a NAL unit has its forbidden bit set");
      const type = header & 0x1f;
      if (type === IDR_SLICE) return "key";
      hasPicture ||= type >= 1 && type < IDR_SLICE;
      isNeeded ||= (header & 0x60) !== 0;
      if (hasPicture && isNeeded) return "delta";
    }
    return hasPicture ? "droppable" : "config";
  };
}
