import { decoderSink, ReconnectingWebSocketStream } from "@spillway/client";
import { classify, Gap } from "@spillway/streams";
import { describe, expect, inject, onTestFinished, test } from "vitest";

const kindOf = classify("vp8");

/** What waits for a decoder: nothing between a gap and the next keyframe. */
function toChunks(): TransformStream<string | Uint8Array<ArrayBuffer> | Gap, EncodedVideoChunk> {
  let needsKey = true;
  let timestamp = 0;
  return new TransformStream({
    transform(data, controller) {
      if (data instanceof Gap || typeof data === "string") {
        needsKey = true;
        return;
      }
      const key = kindOf(data) === "key";
      if (needsKey && !key) return;
      needsKey = false;
      timestamp += 33_333;
      controller.enqueue(new EncodedVideoChunk({ type: key ? "key" : "delta", timestamp, data }));
    },
  });
}

/** The head of a frame whose first partition is longer than all of it (RFC 6386, section 9.1). */
const BROKEN = new Uint8Array([0xf1, 0xff, 0xff, 9, 9, 9, 9]);

/** A grey keyframe. */
async function encodeKey(): Promise<EncodedVideoChunk> {
  const [width, height] = [64, 64];
  let key: EncodedVideoChunk | undefined;
  const encoder = new VideoEncoder({
    output: (chunk) => {
      key = chunk;
    },
    error: () => {},
  });
  encoder.configure({ codec: "vp8", width, height });
  const pixels = new Uint8Array((width * height * 3) / 2).fill(128);
  const init = { format: "I420", codedWidth: width, codedHeight: height, timestamp: 0 } as const;
  const frame = new VideoFrame(pixels, init);
  encoder.encode(frame, { keyFrame: true });
  frame.close();
  await encoder.flush();
  encoder.close();
  return key as unknown as EncodedVideoChunk;
}

// Only pages have one.
describe.skipIf(!("VideoDecoder" in globalThis))(
  "decoderSink() with a decoder of the platform",
  () => {
    test("decodes the video of two connections, and is never far behind", async () => {
      const id = crypto.randomUUID();
      const socket = new ReconnectingWebSocketStream(`${inject("creditServer")}/clip/${id}`, {
        maxUnreadMessages: 64,
      });
      onTestFinished(() => socket.close());
      const timestamps: number[] = [];
      let waiting = 0;
      const sink = decoderSink<EncodedVideoChunk>((error) => {
        const decoder: VideoDecoder = new VideoDecoder({
          output: (frame) => {
            timestamps.push(frame.timestamp);
            waiting = Math.max(waiting, decoder.decodeQueueSize);
            frame.close();
          },
          error,
        });
        decoder.configure({ codec: "vp8" });
        return decoder;
      });
      const video = socket.lane("video", { gaps: true });
      await video.pipeThrough(toChunks()).pipeTo(sink);
      expect(socket.stats()).toMatchObject({ connections: 2, credits: "agreed" });
      // Of the first, what had come before it was lost; of the second, all.
      const { length } = timestamps;
      expect(length).toBe(socket.stats().receivedMessages);
      expect(length).toBeGreaterThan(300);
      expect(timestamps).toEqual(Array.from({ length }, (_, index) => (index + 1) * 33_333));
      expect(waiting).toBeLessThanOrEqual(2);
    });

    test("errors with what the decoder says of what is no video", async () => {
      const writer = decoderSink<EncodedVideoChunk>((error) => {
        const decoder = new VideoDecoder({ output: (frame) => frame.close(), error });
        decoder.configure({ codec: "vp8" });
        return decoder;
      }).getWriter();
      const closed = writer.closed.catch((error: unknown) => error);
      await writer.write(await encodeKey());
      for (let timestamp = 1; timestamp < 4; timestamp++) {
        const chunk = new EncodedVideoChunk({ type: "delta", timestamp, data: BROKEN });
        writer.write(chunk).catch(() => {});
      }
      writer.close().catch(() => {});
      expect(await closed).toMatchObject({ name: "EncodingError" });
    });

    test("settles what waits when a decoder that it was given is closed by its error", async () => {
      const decoder = new VideoDecoder({ output: (frame) => frame.close(), error: () => {} });
      decoder.configure({ codec: "vp8" });
      const writer = decoderSink(decoder).getWriter();
      const closed = writer.closed.catch((error: unknown) => error);
      await writer.write(await encodeKey());
      const writes = Array.from({ length: 20 }, async (_, timestamp) =>
        writer
          .write(new EncodedVideoChunk({ type: "delta", timestamp, data: BROKEN }))
          .catch((error: unknown) => error),
      );
      // Nobody has told it why, but what waits in a decoder that fails is gone, and that it tells.
      expect(await closed).toMatchObject({ name: "InvalidStateError" });
      await Promise.all(writes);
      expect(decoder.state).toBe("closed");
    });
  },
);
