import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { broadcast } from "../src/index.ts";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

function usedBytes(): number {
  for (let round = 0; round < 3; round++) collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

test.each([
  ["drop-oldest", undefined],
  ["latest", "latest" as const],
])("thousands that never read hold no more than the ring (%s)", async (_, overflow) => {
  const hub = broadcast<Uint8Array>({ capacity: { chunks: 64 } });
  const readers = Array.from({ length: 3_000 }, () => hub.subscribe({ overflow }).getReader());
  const before = usedBytes();
  for (let count = 0; count < 20_000; count++) hub.publish(new Uint8Array(4_096));
  const grown = usedBytes() - before;
  expect(hub.stats()).toMatchObject({ published: 20_000, retained: 64, subscribers: 3_000 });
  // The ring is 256 KiB; one reference each to what they missed would be 480 MB.
  expect(grown).toBeLessThan(2 << 20);
  await Promise.all(readers.map((reader) => reader.cancel()));
  expect(hub.stats().subscribers).toBe(0);
});

test("those who have left are forgotten, also by a hub that shows them every chunk", async () => {
  const hub = broadcast<number>();
  const left: WeakRef<object>[] = [];
  for (let count = 0; count < 100; count++) {
    const readable = hub.subscribe({ overflow: "drop-newest" });
    left.push(new WeakRef(readable));
    await readable.cancel();
  }
  hub.publish(1);
  // A weak reference holds what it points at until the turn is over.
  await new Promise((resolve) => setImmediate(resolve));
  usedBytes();
  expect(left.filter((one) => one.deref()).length).toBeLessThan(10);
});
