import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { FlowWindow } from "./flow-window.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function makeWindow(windowBytes = 65_536) {
  const pings: Uint8Array[] = [];
  const opened = vi.fn<() => void>();
  const flow = new FlowWindow(windowBytes, { ping: (payload) => pings.push(payload), opened });
  /** What leaves on its own. */
  const send = (bytes: number): void => {
    flow.sent(bytes);
    flow.leaving();
  };
  return { flow, pings, opened, send };
}

describe("FlowWindow", () => {
  test("has no room while the peer leaves the window unanswered", () => {
    const { flow, pings, send } = makeWindow();
    send(65_536);
    flow.flushed(65_536);
    expect(flow.room).toBe(0);
    expect(pings).toHaveLength(1);
  });

  test("an answer to the latest ping acknowledges everything before it", () => {
    const { flow, pings, opened, send } = makeWindow();
    for (let count = 0; count < 2; count++) send(32_768);
    expect(pings).toHaveLength(2);
    flow.pong(pings.at(-1) as Uint8Array);
    expect(flow.inFlight).toBe(0);
    expect(opened).toHaveBeenCalled();
    flow.pong(pings[0] as Uint8Array);
    expect(flow.inFlight).toBe(0);
  });

  test("pings when what was sent leaves, or before the window is full", () => {
    const { flow, pings } = makeWindow();
    flow.sent(32_768);
    expect(pings).toHaveLength(0);
    flow.leaving();
    flow.leaving();
    expect(pings).toHaveLength(1);
    flow.sent(40_959);
    expect(pings).toHaveLength(1);
    flow.sent(1);
    expect(pings).toHaveLength(2);
  });

  test("ignores pongs nobody asked for", () => {
    const { flow, pings, send } = makeWindow();
    send(60_000);
    flow.pong(new Uint8Array(0));
    flow.pong(new Uint8Array(12));
    const wider = (pings[0] as Uint8Array).slice();
    new DataView(wider.buffer).setFloat64(4, 1e9);
    flow.pong(wider);
    expect(flow.inFlight).toBe(60_000);
  });

  test("keeps at most 32 pings on their way", () => {
    const { pings, send } = makeWindow(4096);
    for (let count = 0; count < 1_000; count++) send(2_048);
    expect(pings).toHaveLength(32);
  });

  test("counts the kernel's bytes for a peer that never answers, until it does", () => {
    const { flow, pings, opened, send } = makeWindow();
    send(65_536);
    flow.flushed(60_000);
    vi.advanceTimersByTime(2_000);
    expect(flow.acknowledgedBy).toBe("kernel");
    expect(flow.inFlight).toBe(5_536);
    expect(opened).toHaveBeenCalled();
    flow.pong(pings[0] as Uint8Array);
    expect(flow.acknowledgedBy).toBe("ping");
  });

  test("counts the kernel's bytes while reading is suspended, and asks anew afterwards", () => {
    const { flow, pings, send } = makeWindow();
    send(40_000);
    const old = pings.at(-1) as Uint8Array;
    flow.suspend();
    send(500_000);
    flow.flushed(540_000);
    expect(flow.room).toBe(65_536);
    const before = pings.length;
    expect(before).toBe(1);
    flow.resume();
    expect(pings).toHaveLength(2);
    flow.pong(old);
    expect(flow.acknowledgedBy).toBe("kernel");
    flow.pong(pings.at(-1) as Uint8Array);
    expect(flow.acknowledgedBy).toBe("ping");
    expect(flow.inFlight).toBe(0);
  });

  test("pings again after an answer when more was sent than it covers", () => {
    const { flow, pings, send } = makeWindow(4096);
    for (let count = 0; count < 33; count++) send(2_048);
    send(10_000);
    expect(pings).toHaveLength(32);
    flow.pong(pings.at(-1) as Uint8Array);
    expect(pings).toHaveLength(33);
    flow.pong(pings.at(-1) as Uint8Array);
    expect(flow.inFlight).toBe(0);
  });
});
