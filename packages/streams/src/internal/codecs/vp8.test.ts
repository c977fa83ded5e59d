import { describe, expect, test } from "vitest";
import { vp8 } from "./vp8.ts";

/** The boolean entropy encoder for even bits (RFC 6386, section 7.3). */
function encode(bits: string): number[] {
  const bytes: number[] = [];
  let [range, bottom, left] = [255, 0, 24];
  const carry = (): void => {
    let at = bytes.length - 1;
    while (at >= 0 && bytes[at] === 255) bytes[at--] = 0;
    if (at >= 0) bytes[at] = (bytes[at] ?? 0) + 1;
  };
  for (const bit of bits + "0".repeat(32)) {
    const split = 1 + ((range - 1) >> 1);
    if (bit === "1") {
      bottom += split;
      range -= split;
    } else range = split;
    while (range < 128) {
      range *= 2;
      if (bottom >= 2 ** 31) carry();
      bottom = (bottom * 2) % 2 ** 32;
      if (--left === 0) {
        bytes.push(Math.floor(bottom / 2 ** 24));
        bottom %= 2 ** 24;
        left = 8;
      }
    }
  }
  return bytes;
}

const tag = (isKey: boolean, partition: number): number[] => {
  const value = (isKey ? 0 : 1) | (1 << 4) | (partition << 5);
  return [value & 255, (value >> 8) & 255, value >> 16];
};

function frame(isKey: boolean, bits: string): Uint8Array {
  const partition = encode(bits.replaceAll(" ", ""));
  const start = isKey ? [0x9d, 0x01, 0x2a, 64, 0, 64, 0] : [];
  return Uint8Array.from([...tag(isKey, partition.length), ...start, ...partition, 1, 2, 3]);
}

interface Header {
  readonly segments?: string;
  readonly deltas?: string;
  readonly quantizers?: string;
  readonly references?: string;
}

const NO_DELTAS = "0".repeat(8);
const FILTER = "0 010101 011";

const interframe = ({
  segments = "0",
  deltas = "0",
  quantizers = "00000",
  references = "0 0 00 00 0 0 0 0",
}: Header = {}): Uint8Array =>
  frame(false, `${segments} ${FILTER} ${deltas} 00 0101010 ${quantizers} ${references}`);

const keyframe = (deltas = "0"): Uint8Array => frame(true, `00 0 ${FILTER} ${deltas} 00`);

describe("vp8()", () => {
  test("knows a keyframe by its tag", () => {
    expect(vp8()(keyframe())).toBe("key");
  });

  test("calls a frame that leaves nothing behind droppable", () => {
    expect(vp8()(interframe())).toBe("droppable");
    expect(vp8()(interframe({ quantizers: "0 1 1010 1 0 1 0000 1 0" }))).toBe("droppable");
    expect(vp8()(interframe({ segments: "1 0 0" }))).toBe("droppable");
  });

  test.each([
    ["the last frame is refreshed", { references: "0 0 00 00 0 0 0 1" }],
    ["the golden frame is refreshed", { references: "1 0 00 0 0 0 0" }],
    ["the alternate frame is refreshed", { references: "0 1 00 0 0 0 0" }],
    ["a frame is copied to golden", { references: "0 0 10 00 0 0 0 0" }],
    ["a frame is copied to the alternate", { references: "0 0 00 01 0 0 0 0" }],
    ["probabilities last", { references: "0 0 00 00 0 0 1 0" }],
    ["the segment map changes", { segments: "1 1 0 1 10101010 0 0" }],
    ["segment features change", { segments: "1 0 1 0 1 1010101 1 000 0000" }],
  ])("calls a frame a delta when %s", (_, header) => {
    expect(vp8()(interframe(header))).toBe("delta");
  });

  test("takes repeated loop filter deltas for no change", () => {
    const read = vp8();
    const deltas = "1 1 1 0000101 1 0000011 000000";
    expect(read(keyframe(deltas))).toBe("key");
    expect(read(interframe({ deltas }))).toBe("droppable");
    expect(read(interframe({ deltas: `1 1 ${NO_DELTAS}` }))).toBe("droppable");
    expect(read(interframe({ deltas: "1 1 1 0000111 0000000" }))).toBe("delta");
    expect(read(interframe({ deltas: "1 1 1 0000111 0000000" }))).toBe("droppable");
    // A keyframe starts from zeros again.
    expect(read(keyframe())).toBe("key");
    expect(read(interframe({ deltas }))).toBe("delta");
  });

  test("reads zeros that an encoder left out at the end", () => {
    const { length } = interframe();
    expect(length).toBeGreaterThan(5);
    expect(vp8()(Uint8Array.from([...tag(false, 1), 0]))).toBe("droppable");
  });

  test.each([
    ["nothing but a tag", tag(false, 0)],
    ["half a tag", tag(false, 9).slice(0, 2)],
    ["a partition past the end", [...tag(false, 9), 1, 2, 3]],
    ["a keyframe cut off", keyframe().slice(0, 8)],
    ["a keyframe without its start code", frame(true, "00").fill(0, 3, 6)],
  ])("refuses %s", (_, bytes) => {
    expect(() => vp8()(Uint8Array.from(bytes))).toThrow(
      expect.objectContaining({ code: "SPW_ERR_CHUNK" }),
    );
  });
});
