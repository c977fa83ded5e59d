import { describe, expectTypeOf, test } from "vitest";
import { decoderSink } from "./decoder-sink.ts";

const video = (decoder: VideoDecoder) => decoderSink(decoder);
const audio = (decoder: AudioDecoder) => decoderSink(() => decoder, { maxQueue: 4 });

describe("decoderSink()", () => {
  test("takes the chunks of its decoder", () => {
    expectTypeOf(video).returns.toEqualTypeOf<WritableStream<EncodedVideoChunk>>();
    expectTypeOf(audio).returns.toEqualTypeOf<WritableStream<EncodedAudioChunk>>();
  });
});
