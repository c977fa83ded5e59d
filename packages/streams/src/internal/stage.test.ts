import { settle } from "@spillway/testing";
import { describe, expect, test, vi } from "vitest";
import { endsOf, type Ends } from "../../test/ends-of.ts";
import type { DropReason } from "../policy.ts";
import { stage } from "./stage.ts";

describe("stage()", () => {
  const ways: readonly [DropReason, (pair: Ends<number, number>) => unknown][] = [
    ["closed", ({ writer }) => writer.close()],
    ["aborted", ({ writer }) => writer.abort()],
    ["cancelled", ({ reader }) => reader.cancel()],
    // What it throws at.
    ["closed", (pair) => pair.write(0)],
  ];

  test.each(ways)("disposes of its logic once: %s", async (why, end) => {
    const dispose = vi.fn<(why: DropReason) => void>();
    const pair = endsOf(
      stage<number, number>({}, () => ({
        put: () => {
          throw new Error("put");
        },
        dispose,
      })),
    );
    await Promise.allSettled([end(pair)]);
    await Promise.allSettled([pair.writer.abort(), pair.reader.cancel()]);
    await settle();
    expect(dispose).toHaveBeenCalledExactlyOnceWith(why);
  });

  test("gives what its logic emits unasked, one by one", async () => {
    let emit: ((chunk: number) => void) | undefined;
    const pair = endsOf(
      stage<number, number>({}, (output) => {
        emit = (chunk) => output.emit(chunk);
        return { put: () => true };
      }),
    );
    const reads = [pair.read(), pair.read()];
    for (const chunk of [1, 2, 3]) emit?.(chunk);
    expect(await Promise.all(reads)).toMatchObject([{ value: 1 }, { value: 2 }]);
    await pair.writer.close();
    expect(await pair.readAll()).toEqual([3]);
  });

  test("emits nothing once it has ended", async () => {
    let emit: ((chunk: number) => void) | undefined;
    const pair = endsOf(
      stage<number, number>({}, (output) => {
        emit = (chunk) => output.emit(chunk);
        return { put: () => true };
      }),
    );
    await pair.writer.close();
    emit?.(1);
    expect(await pair.readAll()).toEqual([]);
  });
});
