import { BoundedQueue } from "@spillway/streams";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { UnreadBounds, UnreadQueue } from "../unread-queue.ts";
import { byteLength } from "./message.ts";
import { Unread } from "./unread.ts";

/** Bytes of a message to offer, or something else to do. */
const step = fc.oneof(
  { weight: 12, arbitrary: fc.nat(50) },
  { weight: 4, arbitrary: fc.constant("shift" as const) },
  { weight: 1, arbitrary: fc.constant("clear" as const) },
);

const word = fc.constantFrom("error", "drop-oldest", "drop-newest", "latest");

/** A queue, and the drops that it tells of. */
function watched(
  maxChunks: number,
  maxSize: number,
  make: (bounds: UnreadBounds) => UnreadQueue,
): { readonly queue: UnreadQueue; readonly drops: unknown[] } {
  const drops: unknown[] = [];
  const onDrop: UnreadBounds["onDrop"] = ({ size }, reason) => drops.push([size, reason]);
  return { queue: make({ maxChunks, maxSize, size: byteLength, onDrop }), drops };
}

/** What came of an offer, also where it threw. */
function offer(queue: UnreadQueue, message: Uint8Array<ArrayBuffer>): unknown {
  try {
    return queue.offer(message, message.byteLength);
  } catch (error) {
    return (error as { code: unknown }).code;
  }
}

describe("Unread", () => {
  test("does what a BoundedQueue does with the same word", () => {
    const bound = fc.integer({ min: 1, max: 6 });
    const steps = fc.array(step, { maxLength: 100 });
    const property = fc.property(
      word,
      bound,
      fc.integer({ min: 1, max: 120 }),
      steps,
      (...given) => {
        const [overflow, maxChunks, maxSize, todo] = given;
        const ours = watched(maxChunks, maxSize, (bounds) => new Unread(bounds, overflow));
        const model = watched(
          maxChunks,
          maxSize,
          (bounds) => new BoundedQueue({ ...bounds, overflow }),
        );
        for (const one of todo) {
          if (one === "shift") expect(ours.queue.shift()?.chunk).toBe(model.queue.shift()?.chunk);
          else if (one === "clear") for (const { queue } of [ours, model]) queue.clear("closed");
          else {
            const message = new Uint8Array(one);
            expect(offer(ours.queue, message)).toBe(offer(model.queue, message));
          }
          expect(ours.queue.length).toBe(model.queue.length);
          expect(ours.queue.size).toBe(model.queue.size);
          expect(ours.drops).toEqual(model.drops);
        }
      },
    );
    fc.assert(property);
  });
});
