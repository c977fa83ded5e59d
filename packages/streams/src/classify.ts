import { av1 } from "./internal/codecs/av1.ts";
import { h264 } from "./internal/codecs/h264.ts";
import { h265 } from "./internal/codecs/h265.ts";
import { type FrameKind, type FrameReader, unreadable } from "./internal/codecs/kind.ts";
import { vp8 } from "./internal/codecs/vp8.ts";
import { vp9 } from "./internal/codecs/vp9.ts";
import { outOfRange, wrongType } from "./options.ts";

export type { FrameKind } from "./internal/codecs/kind.ts";

/** A codec by name, or as WebCodecs writes it (`"avc1.42E01E"`, `"vp09.00.10.08"`). */
export type VideoCodec = "vp8" | "vp9" | "h264" | "h265" | "av1" | (string & Record<never, never>);

/** What {@link classify} needs of an `EncodedVideoChunk`. */
export interface EncodedChunk {
  readonly type: "key" | "delta";
  readonly byteLength: number;
  copyTo(destination: Uint8Array<ArrayBuffer>): void;
}

/** The encoded bytes of one frame, or an `EncodedVideoChunk`. */
export type EncodedFrame = ArrayBufferLike | ArrayBufferView | EncodedChunk;

/** What {@link classify} can know of a stream beforehand. */
export interface ClassifyOptions {
  /**
   * The configuration record of H.264 (`avcC`), H.265 (`hvcC`) or AV1 (`av1C`): what WebCodecs calls
   * `description`, and MP4 and Matroska files carry. It is read at once and not kept.
   *
   * @defaultValue none: parameter sets are expected in the stream
   */
  readonly description?: ArrayBufferLike | ArrayBufferView | undefined;
}

/**
 * Returns a function that tells the kind of each encoded frame of one video stream, for
 * {@link keyframes}: from `type` where the frame is an `EncodedVideoChunk`, else from the codec's
 * own headers, and always whether later frames need it.
 *
 * Backpressure: none, it decides what may be dropped: `"droppable"` frames first, any order, any
 * number, and what remains decodes to the same pictures; `"delta"` frames with all that follow up to
 * the next `"key"`; `"config"` never. In doubt a frame is `"delta"`.
 *
 * Keys are what WebCodecs calls so: IDR pictures in H.264, not recovery points, so a stream that is
 * refreshed bit by bit has one key only; IRAP pictures in H.265, where leading pictures of an open
 * group cannot be shown after a drop, so encode closed ones; shown key frames in VP8, VP9 and AV1.
 * VP9 has droppable frames in error resilient streams alone: the others link each frame to the next.
 *
 * Give it every frame once, in decoding order and before any is dropped: what droppable means can
 * depend on headers that came with an earlier one. It reads a few bytes and keeps no frame, but
 * copies chunks, which cannot be read in part, to a buffer of its own.
 *
 * @param codec - the codec, by name or as a WebCodecs string
 * @param options - what is known of the stream; see {@link ClassifyOptions}
 * @returns the function; one frame is one chunk of a `VideoDecoder`, so a whole access unit,
 * superframe or temporal unit, in Annex B form or with lengths. It throws {@link SpillwayError} with
 * `SPW_ERR_CHUNK` when the bytes are no frame of that codec or are cut off
 * @throws `TypeError` or `RangeError` with `code: "SPW_ERR_OPTION"` for a codec or description it
 * does not know
 * @see https://www.w3.org/TR/webcodecs-codec-registry/
 *
 * @example
 * ```ts
 * import { broadcast, classify, type FrameKind, keyframes } from "@spillway/streams";
 *
 * interface Picture {
 *   readonly bytes: Uint8Array;
 *   readonly kind: FrameKind;
 * }
 * const kindOf = classify("avc1.42E01E");
 * const hub = broadcast<Picture>({ size: ({ bytes }) => bytes.byteLength });
 * const publish = (bytes: Uint8Array): void => hub.publish({ bytes, kind: kindOf(bytes) });
 *
 * const overflow = keyframes<Picture>({
 *   isKey: ({ kind }) => kind === "key",
 *   isDroppable: ({ kind }) => kind === "droppable",
 *   isRequired: ({ kind }) => kind === "config",
 * });
 * const readable = hub.subscribe({ overflow });
 * ```
 */
export function classify(
  codec: VideoCodec,
  options: ClassifyOptions = {},
): (frame: EncodedFrame) => FrameKind {
  const read = readerOf(codec, options.description);
  let scratch = new Uint8Array(0);

  /** The chunk's bytes, until the next call. */
  const copyOf = (chunk: EncodedChunk): Uint8Array => {
    if (scratch.length < chunk.byteLength) scratch = new Uint8Array(chunk.byteLength);
    chunk.copyTo(scratch);
    return scratch.subarray(0, chunk.byteLength);
  };

  return (frame) => {
    const chunk = isChunk(frame) ? frame : undefined;
    const bytes = chunk ? copyOf(chunk) : view(frame as ArrayBufferLike | ArrayBufferView);
    if (!bytes) throw unreadable(`got ${typeof frame}, want bytes or an encoded chunk`);
    if (bytes.length === 0) throw unreadable("it has 0 bytes, want 1 or more");
    const kind = read(bytes);
    if (!chunk || kind === "config") return kind;
    if (chunk.type === "key") return "key";
    return kind === "key" ? "delta" : kind;
  };
}

function readerOf(codec: string, description: ClassifyOptions["description"]): FrameReader {
  if (typeof codec !== "string") throw wrongType("codec", "a string", codec);
  const record = view(description);
  if (description !== undefined && !record) throw wrongType("description", "bytes", description);
  // WebCodecs strings are the four characters of the sample entry, then a profile.
  switch (codec.split(".", 1)[0]) {
    case "vp8":
    case "vp08":
      return vp8();
    case "vp9":
    case "vp09":
      return vp9();
    case "h264":
    case "avc1":
    case "avc3":
      return h264(record && 1 + (byteOf(record, 4, "an avcC record") & 3));
    case "h265":
    case "hev1":
    case "hvc1": {
      if (!record) return h265();
      const byte = byteOf(record, 21, "an hvcC record");
      // 0 layers stands for "unknown".
      const layers = (byte >> 3) & 7;
      return h265({ lengthBytes: 1 + (byte & 3), topLayer: layers ? layers - 1 : undefined });
    }
    case "av1":
    case "av01":
      if (record) byteOf(record, 3, "an av1C record");
      return av1(record?.subarray(4));
    default:
      throw outOfRange("codec", "VP8, VP9, H.264, H.265 or AV1", codec);
  }
}

/** A byte of a configuration record, all of which start with version 1. */
function byteOf(record: Uint8Array, index: number, wanted: string): number {
  const byte = record[index];
  const version = (record[0] ?? 0) & 0x7f;
  if (byte === undefined || version !== 1) {
    throw outOfRange("description", wanted, `${record.length} bytes of version ${version}`);
  }
  return byte;
}

function isChunk(frame: EncodedFrame): frame is EncodedChunk {
  return typeof (frame as Partial<EncodedChunk> | undefined)?.copyTo === "function";
}

function view(bytes: ArrayBufferLike | ArrayBufferView | undefined): Uint8Array | undefined {
  if (ArrayBuffer.isView(bytes)) {
    return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }
  // By its shape: buffers come from other realms too, and not every page has SharedArrayBuffer.
  return typeof bytes?.byteLength === "number" ? new Uint8Array(bytes) : undefined;
}
