import { describe, expect, test } from "vitest";
import { clientFrame, FrameCounter, serverHeader } from "./frames.ts";

interface Counted {
  readonly messages: number;
  readonly bytes: number;
  readonly compressed: number;
  readonly controls: readonly string[];
}

/** Takes `bytes` in pieces of `size`. */
function count(bytes: Uint8Array, size: number, messageBytes = 0): Counted {
  const controls: string[] = [];
  const counter = new FrameCounter(messageBytes, {
    control: (opcode, payload) => controls.push(`${opcode}: ${Buffer.from(payload).toString()}`),
  });
  for (let at = 0; at < bytes.length; at += size) {
    counter.take(bytes, at, Math.min(bytes.length, at + size));
  }
  const { messages, bytes: counted, compressed } = counter;
  return { messages, bytes: counted, compressed, controls };
}

function framed(payloadBytes: number, first = 0x82): Buffer {
  const header = serverHeader(payloadBytes);
  header[0] = first;
  return Buffer.concat([header, Buffer.alloc(payloadBytes, 0xff)]);
}

describe("FrameCounter", () => {
  const lengths = [0, 1, 125, 126, 250, 65_535, 65_536, 100_000];
  const all = Buffer.concat(lengths.map((length) => framed(length)));
  const bytes = lengths.reduce((sum, length) => sum + length, 0);

  test.each([1, 2, 7, 1000, 65_536, all.length])("counts what comes in pieces of %i", (size) => {
    expect(count(all, size)).toEqual({
      messages: lengths.length,
      bytes,
      compressed: 0,
      controls: [],
    });
  });

  test("counts fragments as one message, with control frames in between", () => {
    const ping = framed(3, 0x89);
    ping.write("abc", 2);
    const wire = Buffer.concat([framed(10, 0x02), ping, framed(20, 0x00), framed(0, 0x80)]);
    for (const size of [1, wire.length]) {
      expect(count(wire, size)).toEqual({
        messages: 1,
        bytes: 30,
        compressed: 0,
        controls: ["9: abc"],
      });
    }
  });

  test("passes over messages of another size", () => {
    const wire = Buffer.concat([framed(250), framed(3), framed(250)]);
    expect(count(wire, 100, 250)).toMatchObject({ messages: 2, bytes: 500 });
  });

  test("counts what came compressed", () => {
    const wire = Buffer.concat([framed(9, 0xc1), framed(9, 0x81)]);
    expect(count(wire, 4)).toMatchObject({ messages: 2, compressed: 1 });
  });
});

describe("clientFrame()", () => {
  test.each([5, 250])("masks %i bytes with zeros", (length) => {
    const frame = clientFrame(2, Buffer.alloc(length, 7));
    expect(frame[1] ?? 0).toBeGreaterThanOrEqual(0x80);
    expect(frame.subarray(-length)).toEqual(Buffer.alloc(length, 7));
    expect(frame.subarray(-length - 4, -length)).toEqual(Buffer.alloc(4));
  });
});
