import { isSettled, settle } from "@spillway/testing";
import { describe, expect, test } from "vitest";
import { endsOf, pipeAll, ways } from "../test/ends-of.ts";
import { filter } from "./filter.ts";

const isEven = (chunk: number): boolean => chunk % 2 === 0;

describe("filter()", () => {
  test.each(ways)("lets pass what the predicate says yes to (%s)", async (way) => {
    expect(await pipeAll(way, [1, 2, 3, 4, 5, 6], filter(isEven))).toEqual([2, 4, 6]);
  });

  test.each(ways)("keeps the order of answers that come in another (%s)", async (way) => {
    const answers = new Map<number, (passes: boolean) => void>();
    const predicate = (chunk: number): Promise<boolean> =>
      new Promise((resolve) => answers.set(chunk, resolve));
    const received = pipeAll(way, [1, 2, 3, 4], filter(predicate, { concurrency: 4 }));
    await settle();
    expect([...answers.keys()]).toEqual([1, 2, 3, 4]);
    for (const chunk of [4, 3, 2, 1]) answers.get(chunk)?.(chunk !== 3);
    expect(await received).toEqual([1, 2, 4]);
  });

  test("takes as many chunks as it needs to find one, and no more", async () => {
    const asked: number[] = [];
    const predicate = (chunk: number): boolean => {
      asked.push(chunk);
      return chunk === 3;
    };
    const pair = endsOf(filter(predicate));
    for (let chunk = 1; chunk <= 5; chunk++) void pair.write(chunk);
    await settle();
    expect(asked).toEqual([]);
    expect(await pair.read()).toEqual({ done: false, value: 3 });
    await settle();
    expect(asked).toEqual([1, 2, 3]);
  });

  test("holds the producer until an async predicate has answered", async () => {
    let answer: ((passes: boolean) => void) | undefined;
    const pair = endsOf(filter(() => new Promise<boolean>((resolve) => (answer = resolve))));
    const [read, written] = [pair.read(), pair.write("a")];
    expect(await isSettled(written)).toBe(false);
    answer?.(true);
    await written;
    expect(await read).toEqual({ done: false, value: "a" });
  });

  test("closes when nothing passed", async () => {
    expect(await pipeAll("direct", [1, 3], filter(isEven))).toEqual([]);
  });

  test.each([
    [
      "throws",
      (error: Error) => (): boolean => {
        throw error;
      },
    ],
    [
      "rejects",
      (error: Error) => async (): Promise<boolean> => {
        throw error;
      },
    ],
  ] as const)("errors both sides with what a predicate that %s gave", async (_, predicate) => {
    const error = new Error("predicate");
    const pair = endsOf(filter(predicate(error)));
    const read = pair.read();
    await expect(pair.write(1)).rejects.toBe(error);
    await expect(read).rejects.toBe(error);
    await expect(pair.writer.closed).rejects.toBe(error);
  });

  test("refuses what is no predicate", () => {
    const coded = expect.objectContaining({ code: "SPW_ERR_OPTION" });
    expect(() => filter(undefined as never)).toThrow(coded);
    expect(() => filter(isEven, { concurrency: 0 })).toThrow(coded);
  });
});
