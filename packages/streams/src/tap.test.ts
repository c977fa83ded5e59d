import { isSettled, settle } from "@spillway/testing";
import { describe, expect, test } from "vitest";
import { endsOf, pipeAll, ways } from "../test/ends-of.ts";
import { tap } from "./tap.ts";

describe("tap()", () => {
  test.each(ways)("shows each chunk and passes it on as it is (%s)", async (way) => {
    const seen: object[] = [];
    const chunks = [{ id: 1 }, { id: 2 }];
    const received = await pipeAll(
      way,
      chunks,
      tap((chunk) => seen.push(chunk)),
    );
    expect(received).toEqual(chunks);
    expect(received[1]).toBe(chunks[1]);
    expect(seen).toEqual(chunks);
  });

  test("passes a chunk on once it was observed", async () => {
    let observed: (() => void) | undefined;
    const pair = endsOf(tap<string>(() => new Promise<void>((resolve) => (observed = resolve))));
    const [read, written] = [pair.read(), pair.write("a")];
    expect(await isSettled(read)).toBe(false);
    expect(await isSettled(written)).toBe(false);
    observed?.();
    expect(await read).toEqual({ done: false, value: "a" });
    await written;
  });

  test("shows nothing that nobody wants", async () => {
    const seen: number[] = [];
    const pair = endsOf(tap<number>((chunk) => void seen.push(chunk)));
    void pair.write(1);
    await settle();
    expect(seen).toEqual([]);
    await pair.read();
    expect(seen).toEqual([1]);
  });

  test("observes several at once where asked to", async () => {
    const waiting: (() => void)[] = [];
    const observe = (): Promise<void> => new Promise((resolve) => waiting.push(resolve));
    const received = pipeAll("direct", [1, 2, 3], tap(observe, { concurrency: 2 }));
    await settle();
    expect(waiting).toHaveLength(2);
    waiting[1]?.();
    waiting[0]?.();
    await settle();
    waiting[2]?.();
    expect(await received).toEqual([1, 2, 3]);
  });

  test("errors both sides with what `observe` threw", async () => {
    const error = new Error("observe");
    const pair = endsOf(
      tap(() => {
        throw error;
      }),
    );
    const read = pair.read();
    await expect(pair.write(1)).rejects.toBe(error);
    await expect(read).rejects.toBe(error);
  });

  test("refuses what is no function", () => {
    const coded = expect.objectContaining({ code: "SPW_ERR_OPTION" });
    expect(() => tap("log" as never)).toThrow(coded);
  });
});
