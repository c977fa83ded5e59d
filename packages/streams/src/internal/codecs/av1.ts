import { BitReader } from "./bits.ts";
import { type FrameKind, type FrameReader, unreadable } from "./kind.ts";

/** `obu_type` (section 6.2.2). */
const SEQUENCE_HEADER = 1;
const FRAME_HEADER = 3;
const FRAME = 6;

/** `frame_type` (section 6.8.2). */
const KEY_FRAME = 0;
const INTRA_ONLY_FRAME = 2;
const SWITCH_FRAME = 3;

/** Also the value of `seq_force_…` that leaves the choice to each frame. */
const SELECT = 2;

/** What it takes to find a frame's refresh flags. */
interface Sequence {
  readonly isStillPicture: boolean;
  readonly idBits: number;
  readonly orderHintBits: number;
  readonly screenContent: number;
  readonly integerMotion: number;
}

/**
 * Reads the kind of AV1 temporal units from their sequence and frame headers.
 *
 * A key is a unit whose first frame is a shown key frame: the delayed kind, which a later unit
 * shows, gives no picture when decoding starts there. A unit that only shows a kept picture is a
 * few bytes and may be such a key: it passes for a delta. So does everything until a sequence header
 * is known, and in streams with a decoder model, whose frame headers are another matter.
 *
 * @param config - OBUs from the stream's configuration record
 * @see https://aomediacodec.github.io/av1-spec/#uncompressed-header-syntax
 */
export function av1(config?: Uint8Array): FrameReader {
  let sequence: Sequence | undefined;

  const read: FrameReader = (bytes) => {
    let kind: FrameKind = "config";
    let hasSequence = false;
    for (const { type, payload } of obus(bytes)) {
      if (type === SEQUENCE_HEADER) {
        sequence = readSequence(new BitReader(payload));
        hasSequence = true;
      } else if (type === FRAME || type === FRAME_HEADER) {
        const own = readFrame(new BitReader(payload), sequence);
        if (own !== "droppable") return kind === "config" ? own : "delta";
        kind = own;
      }
    }
    return kind === "droppable" && hasSequence ? "delta" : kind;
  };

  if (config) read(config);
  return read;
}

/** @see https://aomediacodec.github.io/av1-spec/#general-obu-syntax */
function* obus(
  bytes: Uint8Array,
): Generator<{ readonly type: number; readonly payload: Uint8Array }> {
  let at = 0;
  while (at < bytes.length) {
    const header = bytes[at] ?? 0;
    if (header & 0x80) throw unreadable("an OBU has its forbidden bit set");
    at += header & 4 ? 2 : 1;
    let size = bytes.length - at;
    if (header & 2) {
      size = 0;
      let byte = 0x80;
      for (let index = 0; byte & 0x80; index++) {
        if (index === 8) throw unreadable("the size of an OBU has more than 8 bytes");
        byte = bytes[at++] ?? 0;
        size += (byte & 0x7f) * 128 ** index;
      }
    }
    if (at + size > bytes.length || size < 0) {
      throw unreadable(`an OBU ends at byte ${at + size}, and it has ${bytes.length} bytes`);
    }
    yield { type: (header >> 3) & 15, payload: bytes.subarray(at, at + size) };
    at += size;
  }
}

/**
 * @returns nothing for a sequence with a decoder model
 * @see https://aomediacodec.github.io/av1-spec/#sequence-header-obu-syntax
 */
function readSequence(header: BitReader): Sequence | undefined {
  header.bits(3 + 1); // profile, still picture
  const isStillPicture = header.flag();
  if (isStillPicture) {
    return { isStillPicture, idBits: 0, orderHintBits: 0, screenContent: 0, integerMotion: 0 };
  }
  const hasTiming = header.flag();
  if (hasTiming) {
    header.bits(32);
    header.bits(32);
    const hasEqualIntervals = header.flag();
    if (hasEqualIntervals) skipVariableLength(header);
    const hasDecoderModel = header.flag();
    if (hasDecoderModel) return undefined;
  }
  const hasDisplayDelay = header.flag();
  const operatingPoints = header.bits(5) + 1;
  for (let point = 0; point < operatingPoints; point++) {
    header.bits(12);
    const level = header.bits(5);
    if (level > 7) header.bits(1);
    if (hasDisplayDelay && header.flag()) header.bits(4);
  }
  const widthBits = header.bits(4) + 1;
  const heightBits = header.bits(4) + 1;
  header.bits(widthBits);
  header.bits(heightBits);
  const hasIds = header.flag();
  const idBits = hasIds ? header.bits(4) + header.bits(3) + 3 : 0;
  header.bits(3 + 4); // superblocks, intra tools, then inter tools
  const hasOrderHint = header.flag();
  if (hasOrderHint) header.bits(2);
  const screenContent = header.flag() ? SELECT : header.bits(1);
  const integerMotion = screenContent === 0 || header.flag() ? SELECT : header.bits(1);
  const orderHintBits = hasOrderHint ? header.bits(3) + 1 : 0;
  return { isStillPicture, idBits, orderHintBits, screenContent, integerMotion };
}

/** `uvlc()`: as many bits after the first 1 as there are zeros before it. */
function skipVariableLength(header: BitReader): void {
  let zeros = 0;
  while (!header.flag()) zeros++;
  header.bits(zeros < 32 ? zeros : 0);
}

function readFrame(header: BitReader, sequence: Sequence | undefined): FrameKind {
  if (sequence?.isStillPicture) return "key";
  const showsExisting = header.flag();
  if (showsExisting) return "delta";
  const type = header.bits(2);
  const isShown = header.flag();
  if (type === KEY_FRAME && isShown) return "key";
  if (!sequence || type === SWITCH_FRAME) return "delta";
  if (!isShown) header.bits(1); // showable
  const isErrorResilient = header.flag();
  header.bits(1); // CDF update
  const hasScreenContent =
    sequence.screenContent === SELECT ? header.flag() : sequence.screenContent === 1;
  if (hasScreenContent && sequence.integerMotion === SELECT) header.bits(1);
  header.bits(sequence.idBits);
  header.bits(1); // frame size override
  header.bits(sequence.orderHintBits);
  const isIntra = type === KEY_FRAME || type === INTRA_ONLY_FRAME;
  if (!isIntra && !isErrorResilient) header.bits(3); // primary reference
  const refreshes = header.bits(8);
  return refreshes === 0 ? "droppable" : "delta";
}
