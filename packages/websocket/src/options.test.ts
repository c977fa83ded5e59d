import { describe, expect, test } from "vitest";
import { connectionSettings } from "./options.ts";

describe("connectionSettings()", () => {
  test("fills in safe, finite defaults", () => {
    expect(connectionSettings({})).toEqual({
      highWaterMark: 65_536,
      maxQueuedBytes: 1_048_576,
      window: "auto",
      maxMessageBytes: 1_048_576,
      receive: "stream",
      heartbeat: { everyMs: 10_000, deadlineMs: 30_000 },
      closeTimeoutMs: 10_000,
    });
  });

  test.each([
    [{ highWaterMark: "64" }, TypeError],
    [{ highWaterMark: 0 }, RangeError],
    [{ highWaterMark: Number.NaN }, RangeError],
    [{ window: true }, TypeError],
    [{ window: 1 }, RangeError],
    [{ window: "small" }, RangeError],
    [{ receive: "maybe" }, RangeError],
    [{ heartbeat: { deadlineMs: 1_000 } }, RangeError],
    [{ heartbeat: 5 }, TypeError],
    [{ closeTimeoutMs: 2 ** 31 }, RangeError],
    [{ maxMessageBytes: 1.5 }, RangeError],
    [null, TypeError],
  ])("refuses %o", (options, kind) => {
    const check = (): unknown => connectionSettings(options as never);
    expect(check).toThrow(kind);
    expect(check).toThrow(expect.objectContaining({ code: "SPW_ERR_OPTION" }));
  });
});
