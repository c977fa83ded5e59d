import { Frame } from "@spillway/websocket";
import { describe, expect, test } from "vitest";
import { chunkOf, payloadOf } from "./payload.ts";
import type { PlannedMessage } from "./plan.ts";

const message = (how: Partial<PlannedMessage>): PlannedMessage => ({
  number: 1,
  type: "binary",
  bytes: 1000,
  isPrepared: false,
  route: "pump",
  ...how,
});
const numbers = [1, 2, 3, 4, 5, 6];

describe("payloadOf()", () => {
  test.each(["text", "binary"] as const)("is %s of the length asked for", (type) => {
    for (let bytes = 0; bytes < 100; bytes++) {
      for (const number of numbers) {
        expect(payloadOf(1, message({ type, bytes, number }))).toHaveLength(bytes);
      }
    }
  });

  test("is the same for the same message, and another for another seed or number", () => {
    const one = payloadOf(1, message({}));
    expect(payloadOf(1, message({}))).toEqual(one);
    expect(payloadOf(2, message({}))).not.toEqual(one);
    expect(payloadOf(1, message({ number: 3 }))).not.toEqual(one);
  });

  test("is valid UTF-8, with characters of every length", () => {
    const payload = payloadOf(1, message({ type: "text", bytes: 20_000 }));
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(payload);
    expect(Buffer.from(text)).toEqual(payload);
    const lengths = new Set(Array.from(text, (character) => Buffer.byteLength(character)));
    expect(lengths).toEqual(new Set([1, 2, 3, 4]));
    expect(text).toContain("\0");
    expect(text).toContain("\uFEFF");
  });
});

describe("chunkOf()", () => {
  const bytesOf = (chunk: unknown): Buffer => {
    if (chunk instanceof Frame) return Buffer.from(chunk.payload);
    if (typeof chunk === "string") return Buffer.from(chunk);
    if (chunk instanceof ArrayBuffer) return Buffer.from(chunk);
    const { buffer, byteOffset, byteLength } = chunk as DataView<ArrayBuffer>;
    return Buffer.from(buffer, byteOffset, byteLength);
  };

  test.each(["text", "binary"] as const)("holds the payload of %s, in every form", (type) => {
    const kinds = new Set<string>();
    for (const number of numbers) {
      for (const isPrepared of [true, false]) {
        const planned = message({ type, number, isPrepared });
        const payload = payloadOf(1, planned);
        const chunk = chunkOf(planned, payload);
        expect(bytesOf(chunk)).toEqual(payload);
        if (chunk instanceof Frame) expect(chunk.type).toBe(type);
        kinds.add(Object(chunk).constructor.name as string);
      }
    }
    const forms = type === "text" ? ["String"] : ["Buffer", "ArrayBuffer", "DataView"];
    expect(kinds).toEqual(new Set(["Frame", ...forms]));
  });
});
