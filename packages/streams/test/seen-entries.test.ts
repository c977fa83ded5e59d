import { describe, expect, test } from "vitest";
import { BoundedQueue } from "../src/index.ts";
import type { Entry } from "../src/policy.ts";

// A queue that drops its oldest unheard uses its entries again.
describe("BoundedQueue", () => {
  test.each<[string, (queue: BoundedQueue<string>) => Entry<string> | undefined]>([
    ["at() gave", (queue) => queue.at(queue.first)],
    [
      "was offered",
      (queue) => {
        const entry = { chunk: "own", size: 1, time: 0 };
        queue.offerEntry(entry);
        return entry;
      },
    ],
    [
      "replaced another",
      (queue) => {
        const entry = { chunk: "own", size: 1, time: 0 };
        queue.replace(queue.first, entry, "replaced");
        return entry;
      },
    ],
    [
      "dropWhere() showed",
      (queue) => {
        let seen: Entry<string> | undefined;
        queue.dropWhere("oldest", (entry) => {
          seen = entry;
          return false;
        });
        return seen;
      },
    ],
    [
      "dropFront() showed",
      (queue) => {
        let seen: Entry<string> | undefined;
        queue.dropFront("oldest", (entry) => {
          seen = entry;
          return false;
        });
        return seen;
      },
    ],
    ["shift() gave", (queue) => queue.shift()],
  ])("leaves an entry as it is that %s", (_, see) => {
    const queue = new BoundedQueue<string>({ maxChunks: 2, overflow: "drop-oldest" });
    for (const chunk of ["a", "b", "c"]) queue.offer(chunk);
    const seen = see(queue);
    const before = { ...seen };
    for (const chunk of ["d", "e", "f"]) queue.offer(chunk);
    expect(seen).toEqual(before);
    expect([queue.shift()?.chunk, queue.shift()?.chunk]).toEqual(["e", "f"]);
  });
});
