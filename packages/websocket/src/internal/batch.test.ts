import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import * as ws from "ws";
import { Batch, type Load, MAX_COPY } from "./batch.ts";
import { BINARY, FIN, firstByte, TEXT } from "./header.ts";
import { SLAB_BYTES, slabFor } from "./slab.ts";

/** Public, but not in its types. */
const { Sender } = ws as unknown as {
  Sender: { frame(payload: Buffer, options: object): Buffer[] };
};

/** The frame as `ws` makes it. */
function reference(first: number, payload: Uint8Array): Buffer {
  const options = { fin: (first & FIN) !== 0, opcode: first & 0x0f, rsv1: false, mask: false };
  return Buffer.concat(Sender.frame(Buffer.from(payload), { ...options, readOnly: true }));
}

const sizes = fc.oneof(
  fc.constantFrom(0, 125, 126, MAX_COPY, MAX_COPY + 1, 65_535, 65_536, 100_000),
  fc.integer({ min: 0, max: 3_000 }),
);
const frames = fc.record({
  size: sizes,
  kind: fc.constantFrom("bytes", "text", "prepared", "fragment"),
  batch: fc.nat(2),
});

describe("Batch", () => {
  test("frames as ws does, whatever comes side by side with it", () => {
    const property = fc.property(
      fc.array(frames, { maxLength: 40 }),
      fc.boolean(),
      (script, lasts) => {
        const batches = [new Batch(), new Batch(), new Batch()];
        const wanted: Buffer[][] = [[], [], []];
        for (const [index, { size, kind, batch: number }] of script.entries()) {
          const batch = batches[number] as Batch;
          const payload = Buffer.alloc(size, 33 + (index % 90));
          const isText = kind === "text";
          const first = kind === "fragment" ? firstByte(true, true, false) : FIN | BINARY;
          const frame = reference(isText ? FIN | TEXT : first, payload);
          if (isText && size <= MAX_COPY) batch.addText(FIN | TEXT, payload.toString(), size);
          else if (isText) batch.add(FIN | TEXT, payload);
          else if (kind === "prepared" && size <= MAX_COPY) batch.addPrepared(frame);
          else batch.add(first, payload);
          wanted[number]?.push(frame);
        }
        for (const [number, batch] of batches.entries()) {
          const all = Buffer.concat(wanted[number] ?? []);
          expect(batch.bytes).toBe(all.byteLength);
          const load = batch.take(lasts);
          expect(Buffer.concat(load.pieces).equals(all)).toBe(true);
          load.release();
          expect(batch.bytes).toBe(0);
        }
      },
    );
    fc.assert(property, { numRuns: 200 });
  });

  test("lets nobody write over what has not been released", () => {
    const steps = fc.record({
      kind: fc.constantFrom("bytes", "large", "prepared", "take", "take", "release", "release"),
      batch: fc.nat(2),
    });
    const property = fc.property(fc.array(steps, { maxLength: 200 }), (script) => {
      const batches = [new Batch(), new Batch(), new Batch()];
      const wanted: Buffer[][] = [[], [], []];
      const loads: { readonly load: Load; readonly all: Buffer }[] = [];
      const look = (): void => {
        for (const { load, all } of loads)
          expect(Buffer.concat(load.pieces).equals(all)).toBe(true);
      };
      for (const [index, { kind, batch: number }] of script.entries()) {
        const batch = batches[number] as Batch;
        if (kind === "take") {
          loads.push({ load: batch.take(false), all: Buffer.concat(wanted[number] ?? []) });
          wanted[number] = [];
        } else if (kind === "release") {
          // Not always the oldest: connections are not equally fast.
          loads.splice(index % (loads.length || 1), 1)[0]?.load.release();
        } else {
          const large = kind === "large" ? MAX_COPY + 1 : 0;
          const payload = Buffer.alloc(large || SLAB_BYTES / 16, index);
          const frame = reference(FIN | BINARY, payload);
          if (kind === "prepared") batch.addPrepared(frame);
          else batch.add(FIN | BINARY, payload);
          wanted[number]?.push(frame);
        }
        look();
      }
    });
    fc.assert(property, { numRuns: 1_000 });
  });

  test("puts small frames side by side in one piece", () => {
    const batch = new Batch();
    for (let count = 0; count < 100; count++) batch.add(FIN | BINARY, new Uint8Array(250));
    const load = batch.take(false);
    // One more where the slab ends.
    expect(load.pieces.length).toBeLessThanOrEqual(2);
    load.release();
  });

  test("begins no piece at the very end of a slab", () => {
    const slab = slabFor(1);
    slab.used = SLAB_BYTES - 2_000;
    const batch = new Batch();
    for (let count = 0; count < 4; count++) batch.add(FIN | BINARY, new Uint8Array(1_000));
    const load = batch.take(false);
    expect(load.pieces).toHaveLength(1);
    load.release();
    slab.free();
  });

  test("leaves large payloads where they are", () => {
    const large = new Uint8Array(MAX_COPY + 1);
    const batch = new Batch();
    batch.add(FIN | BINARY, large);
    const load = batch.take(false);
    expect(load.pieces[1]).toBe(large);
    load.release();
  });

  test("gives a slab back to whoever comes next", () => {
    const buffers = new Set<ArrayBufferLike>();
    for (let turn = 0; turn < 100; turn++) {
      const batch = new Batch();
      batch.add(FIN | BINARY, new Uint8Array(1_000));
      const load = batch.take(false);
      for (const { buffer } of load.pieces) buffers.add(buffer);
      load.release();
    }
    expect(buffers.size).toBeLessThanOrEqual(2);
  });

  test("keeps no slab for what lasts", () => {
    const batch = new Batch();
    batch.add(FIN | BINARY, new Uint8Array(1_000));
    const { pieces } = batch.take(true);
    expect(pieces.map(({ buffer }) => buffer.byteLength)).toEqual([1_004]);
    expect(SLAB_BYTES).toBeGreaterThan(1_004);
  });

  test("joins the same prepared frames once for all who send them in one turn", () => {
    const shared = [1, 2, 3].map((fill) => reference(FIN | BINARY, Buffer.alloc(100, fill)));
    const [one, two] = [1, 2].map(() => {
      const batch = new Batch();
      for (const frame of shared) batch.addPrepared(frame);
      return batch.take(false).pieces;
    });
    expect(one).toHaveLength(1);
    expect(one?.[0]).toBe(two?.[0]);
    const other = new Batch();
    for (const frame of shared.toReversed()) other.addPrepared(frame);
    expect(other.take(false).pieces[0]).not.toBe(one?.[0]);
  });
});
