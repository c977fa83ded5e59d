import { describe, expectTypeOf, test } from "vitest";
import { classify, type EncodedFrame, type FrameKind } from "./classify.ts";
import { keyframes } from "./keyframes.ts";

describe("classify()", () => {
  test("takes frames of every kind and gives a kind", () => {
    const kindOf = classify("vp8");
    expectTypeOf(kindOf).toEqualTypeOf<(frame: EncodedFrame) => FrameKind>();
    expectTypeOf<EncodedVideoChunk>().toExtend<EncodedFrame>();
    expectTypeOf<Uint8Array>().toExtend<EncodedFrame>();
    expectTypeOf<SharedArrayBuffer>().toExtend<EncodedFrame>();
    expectTypeOf<BufferSource>().toExtend<EncodedFrame>();
  });

  test("takes the configuration of a VideoDecoder", () => {
    const config = {} as VideoDecoderConfig;
    classify(config.codec, { description: config.description });
  });

  test("serves keyframes()", () => {
    const kindOf = classify("avc1.42E01E");
    keyframes({ isKey: (chunk: EncodedVideoChunk) => kindOf(chunk) === "key" });
  });

  test("refuses what would go wrong", () => {
    // @ts-expect-error without the codec the bytes mean nothing
    classify();
    // @ts-expect-error a frame is bytes, not their text
    classify("vp8")("frame");
    // @ts-expect-error no kind it can give
    expectTypeOf(classify("vp8")(new Uint8Array())).toEqualTypeOf<"intra">();
    // @ts-expect-error a misspelt option would be ignored
    classify("h264", { extradata: new Uint8Array() });
  });
});
