import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { type IvfFrame, readIvf } from "./ivf.ts";

const clip = new Uint8Array(await readFile(new URL("../clip/spillway.ivf", import.meta.url)));

async function* cut(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += size) yield bytes.slice(at, at + size);
}

async function frames(bytes: Uint8Array, size = 65_536): Promise<IvfFrame[]> {
  const all: IvfFrame[] = [];
  for await (const frame of readIvf(cut(bytes, size))) all.push(frame);
  return all;
}

/** The clip's header and first frame, with `change` applied to a copy. */
function changed(change: (view: DataView<ArrayBuffer>) => void): Uint8Array {
  const firstFrameBytes = new DataView(clip.buffer).getUint32(32, true);
  const copy = clip.slice(0, 44 + firstFrameBytes);
  change(new DataView(copy.buffer));
  return copy;
}

describe("readIvf()", () => {
  test("reads every frame of the built-in clip", async () => {
    const all = await frames(clip);
    expect(all).toHaveLength(300);
    expect(all[0]).toMatchObject({ timestampMs: 0, key: true, width: 640, height: 360 });
    expect(all[299]?.timestampMs).toBeCloseTo((299 * 1000) / 30, 6);
    const keys = all.flatMap((frame, index) => (frame.key ? [index] : []));
    expect(keys).toEqual([0, 30, 60, 90, 120, 150, 180, 210, 240, 270]);
    const payloadBytes = all.reduce((sum, frame) => sum + frame.payload.byteLength, 0);
    expect(payloadBytes + 32 + 300 * 12).toBe(clip.byteLength);
  });

  test("reads the same frames wherever the input is cut", async () => {
    const part = clip.subarray(0, 100_000);
    const complete = part.slice(0, endOfFrames(part));
    const whole = digest(await frames(complete, complete.byteLength));
    expect(whole.length).toBeGreaterThan(5);
    for (const size of [1, 2, 3, 7, 11, 12, 13, 31, 32, 33, 1_000, 4_096, 65_537]) {
      const same = digest(await frames(complete, size));
      expect(same, `chunks of ${size} bytes`).toEqual(whole);
    }
  });

  test("gives each frame memory of its own", async () => {
    const [first] = await frames(changed(() => {}));
    expect(first?.payload.buffer.byteLength).toBe(first?.payload.byteLength);
  });

  test("skips what a longer header adds", async () => {
    const longer = new Uint8Array(clip.byteLength + 8);
    longer.set(clip.subarray(0, 32));
    longer.set(clip.subarray(32), 40);
    new DataView(longer.buffer).setUint16(6, 40, true);
    expect(await frames(longer)).toHaveLength(300);
  });

  test("takes a header without frames", async () => {
    expect(await frames(clip.subarray(0, 32))).toEqual([]);
  });

  test("gives up its input when the reader stops", async () => {
    let stopped = false;
    async function* input(): AsyncGenerator<Uint8Array> {
      try {
        yield* cut(clip, 65_536);
      } finally {
        stopped = true;
      }
    }
    for await (const frame of readIvf(input())) {
      expect(frame.key).toBe(true);
      break;
    }
    expect(stopped).toBe(true);
  });

  test("passes on the error of its input", async () => {
    const broken = new Error("disk gone");
    async function* input(): AsyncGenerator<Uint8Array> {
      yield clip.subarray(0, 40);
      throw broken;
    }
    await expect(readIvf(input()).next()).rejects.toBe(broken);
  });

  test.each<[string, Uint8Array, string]>([
    ["an empty input", new Uint8Array(0), 'it starts with "", want "DKIF"'],
    ["another signature", changed((v) => v.setUint32(0, 0x52494646)), 'it starts with "RIFF"'],
    ["control characters", changed((v) => v.setUint32(0, 0x0a1b0041)), 'it starts with "???A"'],
    ["half a header", clip.subarray(0, 31), "the input ends in the file header"],
    ["another version", changed((v) => v.setUint16(4, 1, true)), "it has version 1, want 0"],
    ["a short header length", changed((v) => v.setUint16(6, 31, true)), "its header has 31 bytes"],
    ["a header beyond the end", changed((v) => v.setUint16(6, 65_535, true)), "the file header"],
    ["another codec", changed((v) => v.setUint32(8, 0x56503930)), 'its codec is "VP90"'],
    ["no width", changed((v) => v.setUint16(12, 0, true)), "its pictures are 0 × 360"],
    ["no height", changed((v) => v.setUint16(14, 0, true)), "its pictures are 640 × 0"],
    ["no rate", changed((v) => v.setUint32(16, 0, true)), "its time base is 1/0 s"],
    ["no scale", changed((v) => v.setUint32(20, 0, true)), "its time base is 0/30 s"],
    ["an empty frame", changed((v) => v.setUint32(32, 0, true)), "frame 0 has 0 bytes"],
    ["a huge frame", changed((v) => v.setUint32(32, 2 ** 31, true)), "frame 0 has 2147483648 b"],
    ["half a frame header", clip.subarray(0, 40), "the input ends in the header of frame 0"],
    ["half a frame", clip.subarray(0, 1_044), "the input ends in frame 0: got 1000 of"],
  ])("refuses %s", async (_what, bytes, message) => {
    const error: unknown = await frames(bytes).catch((failure: unknown) => failure);
    expect(error).toMatchObject({ name: "SpillwayError", code: "SPW_ERR_SOURCE" });
    expect((error as Error).message).toContain("Cannot read IVF video: ");
    expect((error as Error).message).toContain(message);
  });
});

function digest(all: readonly IvfFrame[]): string[] {
  return all.map(({ payload, timestampMs, key }) => {
    const hash = createHash("sha256").update(payload).digest("hex");
    return `${timestampMs} ${key} ${hash}`;
  });
}

/** Where the last complete frame of `bytes` ends. */
function endOfFrames(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  let end = 32;
  for (let next = end; next <= bytes.byteLength;) {
    end = next;
    if (end + 12 > bytes.byteLength) break;
    next += 12 + view.getUint32(end, true);
  }
  return end;
}
