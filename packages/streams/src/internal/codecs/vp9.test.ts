import { describe, expect, test } from "vitest";
import { vp9 } from "./vp9.ts";

function pack(bits: string): Uint8Array {
  const digits = bits.replaceAll(" ", "");
  const bytes = digits.padEnd(Math.ceil(digits.length / 8) * 8, "0").match(/.{8}/gu) ?? [];
  return Uint8Array.from(bytes, (byte) => Number.parseInt(byte, 2));
}

const MARKER = "10 00";
const SYNC = "01001001 10000011 01000010";
const keyframe = pack(`${MARKER} 0 0 1 1 ${SYNC}`);
const shown = (isResilient: boolean, refreshes: string): Uint8Array =>
  pack(`${MARKER} 0 1 1 ${isResilient ? "1" : "0 00"} ${refreshes} 0000`);
const resilient = shown(true, "00000000");

function superframe(frames: readonly Uint8Array[], sizes: readonly number[]): Uint8Array {
  const marker = 0xc8 | (frames.length - 1);
  const index = sizes.flatMap((size) => [size & 255, size >> 8]);
  return Uint8Array.from([...frames.flatMap((bytes) => [...bytes]), marker, ...index, marker]);
}
const joined = (...frames: Uint8Array[]): Uint8Array =>
  superframe(
    frames,
    frames.map(({ length }) => length),
  );
const damaged = expect.objectContaining({ code: "SPW_ERR_CHUNK" });

describe("vp9()", () => {
  test.each([
    ["key", keyframe],
    ["key", pack(`10 11 0 0 0 1 0 ${SYNC}`)], // profile 3
    ["droppable", resilient],
    ["delta", shown(true, "00000001")],
    ["delta", pack(`${MARKER} 0 1 0 1 1 ${SYNC} 00000000`)], // intra-only
    ["droppable", pack(`${MARKER} 0 1 0 1 0 00000000`)], // hidden
    ["delta", pack(`${MARKER} 1 010`)], // shows an existing picture
    ["key", joined(keyframe, shown(true, "00000000"))],
    ["droppable", joined(resilient, resilient)],
    ["delta", joined(resilient, shown(true, "00000100"))],
    ["delta", joined(shown(true, "00000100"), resilient)],
    ["delta", joined(resilient, keyframe)],
  ])("says %s of %j", (kind, bytes) => {
    expect(vp9()(bytes)).toBe(kind);
  });

  test("calls nothing droppable once a frame was not error resilient, up to the next key", () => {
    const read = vp9();
    expect(read(resilient)).toBe("droppable");
    expect(read(shown(false, "00000000"))).toBe("delta");
    expect(read(resilient)).toBe("delta");
    expect(read(keyframe)).toBe("key");
    expect(read(resilient)).toBe("droppable");
  });

  test("takes a last byte that only looks like an index for a part of the frame", () => {
    expect(vp9()(Uint8Array.of(...resilient, 0, 0, 0, 0, 0xc0))).toBe("droppable");
    expect(vp9()(Uint8Array.of(...resilient, 0xdf))).toBe("droppable");
  });

  test.each([
    ["another codec", Uint8Array.of(0, 0, 0, 1)],
    ["a keyframe without its sync code", pack(`${MARKER} 0 0 1 1 ${"0".repeat(24)}`)],
    ["a header cut off", resilient.subarray(0, 1)],
    ["a superframe with more than there is", superframe([resilient], [resilient.length + 1])],
    ["a superframe with an empty frame", superframe([resilient], [0])],
  ])("refuses %s", (_, bytes) => {
    expect(() => vp9()(bytes)).toThrow(damaged);
  });
});
