import { describe, expectTypeOf, test } from "vitest";
import { type Broadcast, broadcast, type BroadcastStats, type Drop, keyframes } from "./index.ts";

interface Picture {
  readonly isKey: boolean;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

describe("broadcast()", () => {
  test("gives readers what was published", () => {
    const hub = broadcast<Picture>();
    expectTypeOf(hub).toEqualTypeOf<Broadcast<Picture, Picture>>();
    expectTypeOf<Parameters<typeof hub.publish>>().toEqualTypeOf<[chunk: Picture]>();
    expectTypeOf(hub.writable).toEqualTypeOf<WritableStream<Picture>>();
    expectTypeOf(hub.subscribe()).toEqualTypeOf<ReadableStream<Picture>>();
    expectTypeOf(hub.stats()).toEqualTypeOf<BroadcastStats>();
  });

  test("gives readers what encode() made of it", () => {
    const hub = broadcast({ encode: (picture: Picture) => picture.bytes });
    expectTypeOf(hub.writable).toEqualTypeOf<WritableStream<Picture>>();
    expectTypeOf(hub.subscribe()).toEqualTypeOf<ReadableStream<Uint8Array<ArrayBuffer>>>();
  });

  test("shows policies and listeners the chunk that was published", () => {
    const hub = broadcast<Picture, string>({ encode: () => "" });
    hub.subscribe({
      overflow: keyframes({ isKey: (picture) => picture.isKey }),
      onDrop: (dropped) => {
        expectTypeOf(dropped).toEqualTypeOf<Drop<Picture>>();
      },
    });
  });

  test("refuses what would go wrong", () => {
    const hub = broadcast<Picture>();
    // @ts-expect-error a hub never waits for a subscriber
    hub.subscribe({ overflow: "wait" });
    // @ts-expect-error not a picture
    hub.publish("picture");
    // @ts-expect-error not a word it knows
    broadcast({ retain: "first" });
    // @ts-expect-error capacity is a number of chunks and a number of bytes
    broadcast({ capacity: 256 });
    // @ts-expect-error readers get what encode() makes: a number
    broadcast<Picture, string>({ encode: (picture) => picture.bytes.byteLength });
    // @ts-expect-error the hub's writable is made by the hub
    hub.writable = new WritableStream<Picture>();
  });
});
