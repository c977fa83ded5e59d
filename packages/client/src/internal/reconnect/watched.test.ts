import { isSettled } from "@spillway/testing";
import { describe, expect, test } from "vitest";
import { Watched } from "./watched.ts";

async function read<T>(values: AsyncIterator<T, void, void>): Promise<T | "done"> {
  const { done, value } = await values.next();
  return done ? "done" : value;
}

describe("Watched", () => {
  test("gives the value, and each that follows, to all who watch", async () => {
    const watched = new Watched("a");
    const [one, two] = [watched.values(), watched.values()];
    expect([await read(one), await read(two)]).toEqual(["a", "a"]);
    const next = [read(one), read(two)];
    expect(await isSettled(next[0] as Promise<unknown>)).toBe(false);
    watched.set("b", false);
    expect(await Promise.all(next)).toEqual(["b", "b"]);
  });

  test("leaves out what has passed meanwhile, but never the last", async () => {
    const watched = new Watched(0);
    const values = watched.values();
    for (let value = 1; value < 5; value++) watched.set(value, false);
    expect(await read(values)).toBe(4);
    watched.set(5, true);
    watched.set(6, false);
    expect([await read(values), await read(values)]).toEqual([5, "done"]);
    expect(await read(watched.values())).toBe(5);
  });

  test("lets go of who leaves, also in the middle of a wait", async () => {
    const watched = new Watched("a");
    const values = watched.values();
    await read(values);
    const [first, second] = [read(values), read(values)];
    await values.return?.();
    expect(await Promise.all([first, second])).toEqual(["done", "done"]);
    watched.set("b", false);
    expect(await read(values)).toBe("done");
  });
});
