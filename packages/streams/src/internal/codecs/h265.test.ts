import { describe, expect, test } from "vitest";
import { h265 } from "./h265.ts";

const [TRAIL_N, TRAIL_R, RASL_N, RASL_R, BLA, IDR, CRA, RESERVED] = [0, 1, 8, 9, 16, 19, 21, 24];
const [VPS, SPS, PPS, SEI] = [32, 33, 34, 39];

/** A NAL unit in Annex B form; `third` is an SPS's byte with the number of sub-layers. */
const nal = (type: number, temporalLayer = 0, third = 0x88, layer = 0): number[] => [
  0,
  0,
  0,
  1,
  (type << 1) | (layer >> 5),
  ((layer & 31) << 3) | (temporalLayer + 1),
  third,
];
const unit = (...units: number[][]): Uint8Array => Uint8Array.from(units.flat());
const damaged = expect.objectContaining({ code: "SPW_ERR_CHUNK" });

describe("h265()", () => {
  test.each([
    ["key", [VPS, SPS, PPS, IDR]],
    ["key", [CRA]],
    ["key", [BLA]],
    ["delta", [TRAIL_R]],
    ["delta", [RASL_R]],
    ["delta", [RESERVED]],
    ["droppable", [TRAIL_N]],
    ["droppable", [SEI, RASL_N, TRAIL_N]],
    ["delta", [TRAIL_N, TRAIL_R]],
    ["config", [VPS, SPS, PPS]],
    ["config", [SEI]],
  ])("says %s of NAL units of types %j", (kind, types) => {
    expect(h265({ topLayer: 0 })(unit(...types.map((type) => nal(type))))).toBe(kind);
  });

  test("calls only the highest temporal sub-layer droppable", () => {
    const read = h265({ topLayer: 2 });
    const kinds = [0, 1, 2].map((layer) => read(unit(nal(TRAIL_N, layer))));
    expect(kinds).toEqual(["delta", "delta", "droppable"]);
  });

  test("learns the number of sub-layers from the stream", () => {
    const read = h265();
    expect(read(unit(nal(TRAIL_N)))).toBe("delta");
    read(unit(nal(SPS, 0, 0b0000_001_1), nal(IDR)));
    expect([0, 1].map((layer) => read(unit(nal(TRAIL_N, layer))))).toEqual(["delta", "droppable"]);
    read(unit(nal(SPS, 0, 0b0000_000_1)));
    expect(read(unit(nal(TRAIL_N)))).toBe("droppable");
    // Another layer's parameters say nothing of this one's.
    read(unit(nal(SPS, 0, 0b0000_111_1, 33)));
    expect(read(unit(nal(TRAIL_N)))).toBe("droppable");
  });

  test("keeps parameter sets that come with a picture", () => {
    expect(h265({ topLayer: 0 })(unit(nal(PPS), nal(TRAIL_N)))).toBe("delta");
  });

  test("takes another layer's IRAP picture for no key", () => {
    expect(h265({ topLayer: 0 })(unit(nal(TRAIL_R), nal(IDR, 0, 0x88, 1)))).toBe("delta");
  });

  test("refuses a broken header", () => {
    expect(() => h265()(unit(nal(TRAIL_N, -1)))).toThrow(damaged);
    expect(() => h265()(unit([0, 0, 0, 1, 0x82, 0x01]))).toThrow(damaged);
    expect(() => h265()(unit([0, 0, 0, 1, 0x02]))).toThrow(damaged);
    expect(() => h265()(unit([0, 0, 0, 1, SPS << 1, 1]))).toThrow(damaged);
  });
});
