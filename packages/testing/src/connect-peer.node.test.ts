import { describe, expect, test } from "vitest";
import { connectPeer, type PeerOptions } from "./connect-peer.ts";

const url = "ws://127.0.0.1:1";

describe("connectPeer() options", () => {
  test.each([
    [{ read: "slow" }, TypeError, 'option read: got string, want "fast", "never" or'],
    [{ read: null }, TypeError, "option read: got null"],
    [{ read: {} }, TypeError, "option read.bytesPerSecond: got undefined, want a number"],
    [{ read: { bytesPerSecond: 0 } }, RangeError, "option read.bytesPerSecond: got 0"],
    [{ read: { bytesPerSecond: Number.NaN } }, RangeError, "got NaN"],
    [{ pongs: "some" }, RangeError, 'got "some", want one of "all", "latest", "none"'],
    [{ pongs: true }, TypeError, "option pongs: got boolean"],
    [{ closeTimeoutMs: -1 }, RangeError, "option closeTimeoutMs: got -1"],
  ])("refuses %j", async (options, kind, message) => {
    const attempt = connectPeer(url, options as PeerOptions);
    await expect(attempt).rejects.toThrow(kind);
    await expect(attempt).rejects.toThrow(message);
  });

  test("refuses an address it cannot reset", async () => {
    await expect(connectPeer("wss://127.0.0.1:1")).rejects.toThrow(
      "Cannot connect to wss://127.0.0.1:1/: got the scheme wss:, want ws:",
    );
    await expect(connectPeer("nowhere")).rejects.toThrow(TypeError);
  });

  test("refuses a subprotocol that is no token, and leaves no socket", async () => {
    await expect(connectPeer(url, { protocols: ["no token"] })).rejects.toThrow(SyntaxError);
  });

  test("does not begin when its signal is aborted", async () => {
    const reason = new Error("the test is over");
    const attempt = connectPeer(url, { signal: AbortSignal.abort(reason) });
    await expect(attempt).rejects.toBe(reason);
  });
});
