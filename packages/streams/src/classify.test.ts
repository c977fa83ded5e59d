import { describe, expect, test } from "vitest";
import { classify, type EncodedChunk } from "./classify.ts";

const unit = (...bytes: number[]): number[] => [0, 0, 0, 1, ...bytes];
const key = Uint8Array.from(unit(0x65, 0x88));
const delta = Uint8Array.from(unit(0x41, 0x9a));
const droppable = Uint8Array.from(unit(0x01, 0x9e));
const config = Uint8Array.from([...unit(0x67, 0x42), ...unit(0x68, 0xce)]);

const chunk = (type: EncodedChunk["type"], bytes: Uint8Array): EncodedChunk => ({
  type,
  byteLength: bytes.byteLength,
  copyTo: (destination) => destination.set(bytes),
});

const unreadable = (message: string | RegExp): unknown =>
  expect.objectContaining({ code: "SPW_ERR_CHUNK", message: expect.stringMatching(message) });

describe("classify()", () => {
  test("tells the four kinds", () => {
    const kindOf = classify("h264");
    expect([key, delta, droppable, config].map(kindOf)).toEqual([
      "key",
      "delta",
      "droppable",
      "config",
    ]);
  });

  test.each(["vp8", "vp08.00.41.08", "vp9", "vp09.00.10.08", "h264", "avc1.42E01E", "avc3.64001f"])(
    "knows %s",
    (codec) => expect(classify(codec)).toBeTypeOf("function"),
  );

  test.each(["h265", "hev1.1.6.L93.B0", "hvc1.1.6.L93.B0", "av1", "av01.0.04M.08"])(
    "knows %s",
    (codec) => expect(classify(codec)).toBeTypeOf("function"),
  );

  test.each(["", "VP8", "mp4a.40.2", "constructor", "avc", "vp8-"])("refuses codec %j", (codec) => {
    expect(() => classify(codec)).toThrow(
      expect.objectContaining({ name: "RangeError", code: "SPW_ERR_OPTION" }),
    );
  });

  test("refuses what is no codec, or no description", () => {
    const wrong = expect.objectContaining({ name: "TypeError", code: "SPW_ERR_OPTION" });
    expect(() => classify(undefined as never)).toThrow(wrong);
    expect(() => classify("h264", { description: "avcC" as never })).toThrow(wrong);
  });

  test.each([
    ["avc1.42E01E", unit(0x67, 0x42)],
    ["avc1.42E01E", [1, 66, 0, 30]],
    ["hvc1.1.6.L93.B0", Array.from({ length: 21 }, () => 1)],
    ["av01.0.04M.08", [0x81, 0, 0]],
    ["av01.0.04M.08", []],
  ])("refuses a description that is no record of %s", (codec, bytes) => {
    expect(() => classify(codec, { description: Uint8Array.from(bytes) })).toThrow(
      expect.objectContaining({ name: "RangeError", code: "SPW_ERR_OPTION" }),
    );
  });

  test("takes bytes as a view or a buffer", () => {
    const kindOf = classify("h264");
    const padded = Uint8Array.from([1, 2, ...droppable, ...key]);
    const view = new DataView(padded.buffer, 2, droppable.length);
    expect(kindOf(view)).toBe("droppable");
    expect(kindOf(key.buffer)).toBe("key");
    const shared = new Uint8Array(new SharedArrayBuffer(delta.length));
    shared.set(delta);
    expect(kindOf(shared.buffer)).toBe("delta");
  });

  test("believes a chunk's type about keys, and the bitstream about the rest", () => {
    const kindOf = classify("h264");
    // An I picture after a recovery point: its encoder knows whether decoding can start there.
    expect(kindOf(chunk("key", delta))).toBe("key");
    expect(kindOf(chunk("delta", key))).toBe("delta");
    expect(kindOf(chunk("delta", droppable))).toBe("droppable");
    expect(kindOf(chunk("delta", delta))).toBe("delta");
    expect(kindOf(chunk("key", config))).toBe("config");
  });

  test("reads a chunk no further than its end, whatever came before", () => {
    const kindOf = classify("h264");
    expect(kindOf(chunk("delta", Uint8Array.from([...droppable, ...delta])))).toBe("delta");
    expect(kindOf(chunk("delta", droppable))).toBe("droppable");
  });

  test("refuses what is no frame", () => {
    const kindOf = classify("h264");
    expect(() => kindOf(new Uint8Array(0))).toThrow(unreadable("it has 0 bytes"));
    expect(() => kindOf(chunk("key", new Uint8Array(0)))).toThrow(unreadable("it has 0 bytes"));
    for (const frame of ["frame", undefined, null, 5]) {
      expect(() => kindOf(frame as never)).toThrow(unreadable("want bytes or an encoded chunk"));
    }
  });

  test("goes on after a frame it could not read", () => {
    const kindOf = classify("h264");
    expect(() => kindOf(Uint8Array.of(7, 7, 7, 7))).toThrow(unreadable("NAL unit"));
    expect(kindOf(key)).toBe("key");
  });
});
