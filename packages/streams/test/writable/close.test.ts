import { settle } from "@spillway/testing";
import { describe, expect, test } from "vitest";
import { fromIterable } from "../../src/index.ts";
import { failure, outcome, reasonOf, withResolvers } from "../piping/rig.ts";
import { handled, MAKERS, PAIRS, slow, writerOf } from "./rig.ts";

describe.each(MAKERS)("close() of $name", ({ isOurs, make }) => {
  const reason = failure("close");

  test("fulfils with undefined, whatever the sink returns", async () => {
    for (const value of [undefined, null, 0, 1, "x", {}, Promise.resolve("x")]) {
      const writer = make({ close: () => value as Promise<void> }).getWriter();
      expect(await writer.close()).toBeUndefined();
      await expect(writer.closed).resolves.toBeUndefined();
      expect(writer.desiredSize).toBe(0);
    }
  });

  test("of the stream itself", async () => {
    const log: unknown[] = [];
    const writable = make({ close: () => void log.push("close") });
    await writable.close();
    expect(log).toEqual(["close"]);
    expect(await reasonOf(writable.close())).toBeInstanceOf(TypeError);
  });

  test("comes behind every write", async () => {
    const { underlying, log, release } = slow();
    const writer = make(underlying).getWriter();
    const all = [writer.write(1), writer.write(2), writer.close()];
    for (const told of [[1], [1, 2], [1, 2, "close"]]) {
      await settle();
      expect(log).toEqual(told);
      release();
    }
    await Promise.all(all);
  });

  test("makes ready fulfil", async () => {
    const { underlying } = slow();
    const writer = make(underlying).getWriter();
    void writer.write(1);
    const { ready } = writer;
    expect(await outcome(ready)).toBe("pending");
    void writer.close();
    expect(await outcome(ready)).toBe("fulfilled");
  });

  test("settles before closed does", async () => {
    const order: string[] = [];
    const writer = make({ close: () => settle() }).getWriter();
    const closed = writer.closed.then(() => order.push("closed"));
    await writer.close().then(() => order.push("close()"));
    await closed;
    expect(order).toEqual(["close()", "closed"]);
  });

  test("refuses to be called again", async () => {
    const { underlying, log, release } = slow();
    const writer = writerOf(make(underlying));
    await settle();
    const closing = writer.close();
    expect(await reasonOf(writer.close())).toBeInstanceOf(TypeError);
    release();
    await closing;
    expect(await reasonOf(writer.close())).toBeInstanceOf(TypeError);
    expect(log).toEqual(["close"]);
  });

  test.each([
    [
      "throws",
      () => {
        throw reason;
      },
    ],
    ["rejects", () => Promise.reject(reason)],
  ])("%s: the stream errors with that", async (_, close) => {
    const log: unknown[] = [];
    const writer = writerOf(make({ close, abort: () => void log.push("abort") }));
    expect(await reasonOf(writer.close())).toBe(reason);
    expect(await reasonOf(writer.closed)).toBe(reason);
    expect(writer.desiredSize).toBeNull();
    await writer.abort();
    expect(log).toEqual([]);
  });

  test("goes on when the controller errors meanwhile: the sink decides", async () => {
    for (const when of ["within", "later"] as const) {
      const closed = withResolvers();
      let controller!: WritableStreamDefaultController;
      const writer = writerOf(
        make({
          start: (given) => {
            controller = given;
          },
          close: () => {
            if (when === "within") controller.error(reason);
            else return closed.promise;
            return undefined;
          },
        }),
      );
      const closing = writer.close();
      await settle();
      if (when === "later") controller.error(reason);
      closed.resolve();
      expect(await outcome(closing)).toBe("fulfilled");
      await expect(writer.closed).resolves.toBeUndefined();
    }
  });

  test("after the stream has errored rejects", async () => {
    const writer = writerOf(make({ write: () => Promise.reject(reason) }));
    void handled(writer.write(1));
    await settle();
    expect(await reasonOf(writer.close())).toBeInstanceOf(TypeError);
  });

  // Our end gives up the close, too; the platform's waits for it.
  test("and abort() while it is under way", async () => {
    const made = slow();
    const writable = make(made.underlying);
    const writer = writerOf(writable);
    await settle();
    const closing = handled(writer.close());
    await settle();
    const aborting = handled(writer.abort(reason));
    if (isOurs) {
      expect(await outcome(aborting)).toBe("fulfilled");
      expect(await reasonOf(closing)).toBe(reason);
      expect(await reasonOf(writer.closed)).toBe(reason);
      expect(made.log).toEqual(["close", { aborted: reason }]);
      // That the sink ends after all changes nothing.
      made.release();
      await settle();
      writer.releaseLock();
      expect(await reasonOf(fromIterable([1]).pipeTo(writable))).toBe(reason);
      return;
    }
    expect(await outcome(aborting)).toBe("pending");
    made.release();
    expect(await outcome(aborting)).toBe("fulfilled");
    expect(await outcome(closing)).toBe("fulfilled");
    expect(made.log).toEqual(["close"]);
  });

  test("and abort() after it: nothing happens", async () => {
    const log: unknown[] = [];
    const writable = make({ abort: () => void log.push("abort") });
    await writable.close();
    await expect(writable.abort(reason)).resolves.toBeUndefined();
    expect(log).toEqual([]);
    await expect(writable.getWriter().closed).resolves.toBeUndefined();
  });

  test("and releaseLock() while it is under way", async () => {
    const { underlying, log, release } = slow();
    const writable = make(underlying);
    const writer = writerOf(writable);
    await settle();
    const closing = writer.close();
    const { closed } = writer;
    writer.releaseLock();
    expect(await reasonOf(writer.closed)).toBeInstanceOf(TypeError);
    void handled(closed);
    await settle();
    release();
    await closing;
    expect(log).toEqual(["close"]);
    await expect(writable.getWriter().closed).resolves.toBeUndefined();
  });
});

describe.each(PAIRS)("close() of the writable of $name", ({ isOurs, make }) => {
  test("comes out of the readable behind every chunk", async () => {
    const { readable, writable } = make();
    const writer = writable.getWriter();
    const all = [writer.write(1), writer.write(2), writer.close()];
    const chunks: unknown[] = [];
    for await (const chunk of readable) chunks.push(chunk);
    await Promise.all([...all, writer.closed]);
    expect(chunks).toEqual([1, 2]);
  });

  test("refuses later writes, and a second close", async () => {
    const { readable, writable } = make();
    const writer = writable.getWriter();
    const reading = readable.getReader().read();
    await writer.close();
    expect(await reading).toEqual({ done: true, value: undefined });
    // Node 20 throws an error of its own.
    const late = async (): Promise<void> => writer.write("late");
    expect(await reasonOf(isOurs ? writer.write("late") : late())).toBeInstanceOf(
      isOurs ? TypeError : Error,
    );
    expect(await reasonOf(writer.close())).toBeInstanceOf(TypeError);
  });
});
