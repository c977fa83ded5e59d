import { SpillwayError } from "../../errors.ts";

/**
 * What a frame is to the frames after it: `"key"` decodes by itself, `"delta"` is needed by others,
 * `"droppable"` is not, and `"config"` holds no picture but what decoding the next ones takes.
 */
export type FrameKind = "key" | "delta" | "droppable" | "config";

/** Reads the kind from a frame's bytes; keeps what later frames need, such as a sequence header. */
export type FrameReader = (bytes: Uint8Array) => FrameKind;

/** Says that the bytes are no frame of the codec. */
export function unreadable(why: string): SpillwayError {
  return new SpillwayError("SPW_ERR_CHUNK", `Cannot classify frame: ${why}`);
}
