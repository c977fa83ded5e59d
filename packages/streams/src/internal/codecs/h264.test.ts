import { describe, expect, test } from "vitest";
import { h264 } from "./h264.ts";

/** An access unit in Annex B form, each NAL unit by its header. */
const unit = (...headers: number[]): Uint8Array =>
  Uint8Array.from(headers.flatMap((header) => [0, 0, 0, 1, header, 0x88]));

const [AUD, SEI, SPS, PPS, IDR] = [0x09, 0x06, 0x67, 0x68, 0x65];
const [NEEDED, NOT_NEEDED, PARTITION, FILLER, EXTENSION] = [0x41, 0x01, 0x02, 0x0c, 0x74];

describe("h264()", () => {
  test.each([
    ["key", [IDR]],
    ["key", [AUD, SPS, PPS, SEI, IDR, IDR]],
    ["delta", [AUD, SEI, NEEDED]],
    ["delta", [0x21]],
    ["droppable", [AUD, SEI, NOT_NEEDED, NOT_NEEDED, FILLER]],
    ["droppable", [PARTITION]],
    ["delta", [PPS, NOT_NEEDED]],
    // The base layer of a scalable stream, with a layer on top that later pictures refer to.
    ["delta", [NOT_NEEDED, EXTENSION]],
    ["delta", [NOT_NEEDED, NEEDED]],
    ["config", [SPS, PPS]],
    ["config", [SEI]],
  ])("says %s of %j", (kind, headers) => {
    expect(h264()(unit(...headers))).toBe(kind);
  });

  test("refuses a header with the forbidden bit", () => {
    expect(() => h264()(unit(0xe5))).toThrow(expect.objectContaining({ code: "SPW_ERR_CHUNK" }));
  });
});
