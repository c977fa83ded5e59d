import { describe, expect, test, vi } from "vitest";
import { frame } from "../frame.ts";
import { MAX_COPY } from "./batch.ts";
import { encodedRun, MAX_RUN, type RunBounds } from "./run.ts";

const within = (bytes: number, messages?: number, payloadBytes = Infinity): RunBounds =>
  messages === undefined ? { bytes, payloadBytes } : { bytes, messages, payloadBytes };
const small = () =>
  frame("a message of some length, of some length, of some length", { compress: true });

describe("encodedRun()", () => {
  test("is made once for all who are given the same array, in the same way", () => {
    const chunks = [small(), small()];
    const [plain, packed] = [
      encodedRun(chunks, undefined, within(1_000)),
      encodedRun(chunks, 15, within(1_000)),
    ];
    expect(encodedRun(chunks, undefined, within(2_000))).toBe(plain);
    expect(encodedRun(chunks, 15, within(2_000))).toBe(packed);
    expect(packed?.bytes.byteLength).toBeLessThan(plain?.bytes.byteLength as number);
    expect(encodedRun([...chunks], undefined, within(1_000))).not.toBe(plain);
  });

  test("holds as many as fit, and at most so many bytes", () => {
    const frames = Array.from({ length: 100 }, (_, at) => frame(new Uint8Array(1_020).fill(at)));
    const { bytes } = encodedRun(frames, undefined, within(Infinity)) as { bytes: Uint8Array };
    expect(bytes.byteLength).toBe(102_400);
    for (const [room, messages] of [
      [102_400, 100],
      [102_399, 64],
      [65_535, 32],
      [2_048, 2],
    ] as const) {
      const run = encodedRun(frames, undefined, within(room));
      expect(run?.messages).toBe(messages);
      expect(run?.bytes).toEqual(bytes.subarray(0, messages * 1_024));
    }
    expect(encodedRun(frames, undefined, within(2_047))).toBeUndefined();
    expect(encodedRun(frames, undefined, within(0))).toBeUndefined();
    expect(encodedRun([...frames, ...frames], undefined, within(Infinity))?.messages).toBe(
      MAX_RUN / 1_024,
    );
  });

  test("holds at most so many messages, as others share them", () => {
    const frames = Array.from({ length: 100 }, (_, at) => frame(new Uint8Array(10 + at)));
    const shared = encodedRun(frames, undefined, within(Infinity, 16));
    expect(shared).toMatchObject({ messages: 16, payloadBytes: 16 * 10 + 120 });
    for (const most of [17, 20, 31])
      expect(encodedRun(frames, undefined, within(Infinity, most))).toBe(shared);
    expect(encodedRun(frames, undefined, within(Infinity, 100))?.messages).toBe(100);
    for (const most of [1, 0, -1])
      expect(encodedRun(frames, undefined, within(Infinity, most))).toBeUndefined();
  });

  test("holds at most so much payload, however little of it travels", () => {
    const frames = Array.from({ length: 32 }, () => frame("x".repeat(10_000), { compress: true }));
    const run = encodedRun(frames, 15, within(100_000, Infinity, 85_000));
    expect(run).toMatchObject({ messages: 8, payloadBytes: 80_000 });
    expect(run?.bytes.byteLength).toBeLessThan(2_000);
    expect(encodedRun(frames, 15, within(100_000))?.messages).toBe(32);
    expect(encodedRun(frames, 15, within(100_000, Infinity, 19_999))).toBeUndefined();
  });

  test("encodes no more than there is room for, and one that there is not", () => {
    const frames = Array.from({ length: 100 }, () => frame(new Uint8Array(1_020)));
    const encodings = frames.map(({ encoding }) => vi.spyOn(encoding, "forWindow"));
    const encoded = (): number => encodings.filter(({ mock }) => mock.calls.length > 0).length;
    expect(encodedRun(frames, undefined, within(4_096))?.messages).toBe(4);
    expect(encoded()).toBe(5);
    expect(encodedRun(frames, undefined, within(8_192))?.messages).toBe(8);
    expect(encoded()).toBe(9);
    expect(Math.max(...encodings.map(({ mock }) => mock.calls.length))).toBe(1);
  });

  test("is forgotten with the turn", async () => {
    const chunks = [small(), small()];
    const first = encodedRun(chunks, undefined, within(1_000));
    await new Promise((resolve) => setImmediate(resolve));
    expect(encodedRun(chunks, undefined, within(1_000))).not.toBe(first);
  });

  test.each([
    ["text", "text"],
    ["bytes", new Uint8Array(1)],
    ["a text that some peers would take for a control message", frame("\u0010Q")],
    ["a large frame", frame(new Uint8Array(MAX_COPY + 1))],
    ["a frame that is given back", frame(new Uint8Array(1), { release: () => {} })],
  ])("ends before %s", (_, chunk) => {
    expect(encodedRun([small(), chunk], undefined, within(100_000))).toBeUndefined();
    expect(encodedRun([small(), small(), chunk], undefined, within(100_000))?.messages).toBe(2);
  });
});
