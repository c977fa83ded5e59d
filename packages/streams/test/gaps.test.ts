import { describe, expect, test } from "vitest";
import { bounded, broadcast, conflate, Gap } from "../src/index.ts";
import { readAll } from "./read-all.ts";

describe("bounded({ gaps: true })", () => {
  test("tells before the next chunk how many are missing, and why", async () => {
    const { readable, writable } = bounded<number>({
      highWaterMark: 2,
      overflow: "drop-oldest",
      gaps: true,
    });
    const writer = writable.getWriter();
    for (const chunk of [1, 2, 3, 4]) await writer.write(chunk);
    await writer.close();
    expect(await readAll(readable.getReader())).toEqual([new Gap(2, 2, "oldest"), 3, 4]);
  });

  test("tells behind the last chunk, too, before it closes", async () => {
    const { readable, writable } = bounded<number>({
      highWaterMark: 2,
      overflow: "drop-newest",
      gaps: true,
    });
    const writer = writable.getWriter();
    for (const chunk of [1, 2, 3, 4]) await writer.write(chunk);
    await writer.close();
    expect(await readAll(readable.getReader())).toEqual([1, 2, new Gap(2, 2, "newest")]);
  });

  test("is no gap when a newer value took the place", async () => {
    const { readable, writable } = bounded<[string, number]>({
      overflow: conflate({ key: ([key]) => key }),
      gaps: true,
    });
    const writer = writable.getWriter();
    await writer.write(["a", 1]);
    await writer.write(["a", 2]);
    await writer.close();
    expect(await readAll(readable.getReader())).toEqual([["a", 2]]);
  });

  test("tells a reader that waits of what expired while nobody asked", async () => {
    let time = 0;
    const { readable, writable } = bounded<number>({ maxAgeMs: 10, gaps: true, now: () => time });
    const writer = writable.getWriter();
    const reader = readable.getReader();
    await writer.write(1);
    time = 20;
    await writer.write(2);
    expect((await reader.read()).value).toEqual(new Gap(1, 1, "expired"));
    expect((await reader.read()).value).toBe(2);
    await reader.cancel();
  });
});

test("a hub's subscriber with a policy is told to the end", async () => {
  const hub = broadcast<number>();
  const readable = hub.subscribe({ overflow: "drop-newest", highWaterMark: 1, gaps: true });
  for (const chunk of [1, 2, 3]) hub.publish(chunk);
  hub.close();
  expect(await readAll(readable.getReader())).toEqual([1, new Gap(2, 0, "newest")]);
});
