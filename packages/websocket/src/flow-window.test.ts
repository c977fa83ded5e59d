import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { FlowWindow } from "./flow-window.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function makeWindow(windowBytes: number | "auto" = 65_536) {
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
    flow.sent(24_576);
    expect(pings).toHaveLength(0);
    flow.leaving();
    flow.leaving();
    expect(pings).toHaveLength(1);
    flow.sent(32_767);
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
    flow.filled();
    send(65_536);
    flow.flushed(60_000);
    vi.advanceTimersByTime(2_000);
    expect(flow.acknowledgedBy).toBe("kernel");
    expect(flow.inFlight).toBe(5_536);
    expect(opened).toHaveBeenCalled();
    flow.pong(pings[0] as Uint8Array);
    expect(flow.acknowledgedBy).toBe("ping");
  });

  test("gives a peer that answers no more a little, and twice as much each time, until it has read", () => {
    const { flow, pings, opened, send } = makeWindow();
    flow.ping();
    flow.pong(pings[0] as Uint8Array);
    const given: number[] = [];
    while (flow.acknowledgedBy === "ping" && given.length < 20) {
      const { room } = flow;
      given.push(room);
      send(room);
      flow.flushed(room);
      flow.filled();
      vi.advanceTimersByTime(9_999);
      expect(flow.room).toBe(0);
      opened.mockClear();
      vi.advanceTimersByTime(1);
      expect(opened).toHaveBeenCalledOnce();
    }
    const doubled = Array.from({ length: 10 }, (_, index) => 16_384 * 2 ** index);
    expect(given).toEqual([65_536, ...doubled, 8_388_608, 8_388_608]);
    expect(flow).toMatchObject({ room: 65_536, windowBytes: 65_536 });

    flow.pong(pings.at(-1) as Uint8Array);
    expect(flow.acknowledgedBy).toBe("ping");
    expect(flow.room).toBeLessThanOrEqual(65_536);
  });

  test("an answer after all takes back what a silent peer was given", () => {
    const { flow, pings, send } = makeWindow();
    send(65_536);
    flow.pong(pings[0] as Uint8Array);
    send(65_536);
    flow.filled();
    vi.advanceTimersByTime(10_000);
    send(16_384);
    expect(flow).toMatchObject({ inFlight: 81_920, room: 0 });
    flow.pong(pings[1] as Uint8Array);
    expect(flow).toMatchObject({ inFlight: 16_384, room: 49_152 });
    // It begins anew with little.
    send(49_152);
    flow.filled();
    vi.advanceTimersByTime(10_000);
    expect(flow.room).toBe(16_384);
  });

  test("what a silent peer is given is no sign of life, before it has read", () => {
    const { flow, pings, send } = makeWindow();
    send(65_536);
    flow.flushed(65_536);
    expect(flow.moved).toBe(65_536);
    flow.pong(pings[0] as Uint8Array);
    send(70_000);
    flow.flushed(60_000);
    expect(flow).toMatchObject({ moved: 125_536, isProbing: false });
    flow.filled();
    vi.advanceTimersByTime(10_000);
    expect(flow.isProbing).toBe(true);
    send(16_384);
    flow.flushed(26_384);
    expect(flow.moved).toBe(125_536);
    flow.suspend();
    send(500);
    flow.flushed(500);
    expect(flow).toMatchObject({ moved: 126_036, isProbing: false });
  });

  test("gives some to a peer that answers no more, too, while all that there is would be too late", () => {
    const { flow, opened, pings, send } = makeWindow();
    send(32_768);
    vi.advanceTimersByTime(20);
    flow.pong(pings[0] as Uint8Array);
    send(32_768);
    vi.advanceTimersByTime(1_000);
    expect(flow.room).toBe(32_768);
    expect(flow.transitMs(100, performance.now())).toBe(1_000);
    opened.mockClear();
    vi.advanceTimersByTime(9_999);
    expect(flow.transitMs(100, performance.now())).toBe(10_999);
    vi.advanceTimersByTime(1);
    expect(opened).toHaveBeenCalledOnce();
    expect(flow.room).toBe(16_384);
    expect(flow.transitMs(100, performance.now())).toBe(0);
    flow.pong(pings[1] as Uint8Array);
    expect(flow).toMatchObject({ inFlight: 0, room: 65_536, isProbing: false });
    expect(vi.getTimerCount()).toBe(0);
  });

  test("gives nothing beyond the window where the kernel's bytes count", () => {
    const { flow, pings, send } = makeWindow();
    send(65_536);
    flow.pong(pings[0] as Uint8Array);
    send(65_536);
    flow.filled();
    flow.suspend();
    vi.advanceTimersByTime(10_000);
    expect(flow).toMatchObject({ inFlight: 65_536, room: 0 });
    flow.flushed(131_072);
    expect(flow.room).toBe(65_536);
  });

  test("gives nothing to a peer that still has room, and sets no timer once it is over", () => {
    const { flow, opened, pings, send } = makeWindow();
    send(65_536);
    flow.pong(pings[0] as Uint8Array);
    opened.mockClear();
    flow.filled();
    vi.advanceTimersByTime(20_000);
    expect(opened).not.toHaveBeenCalled();
    expect(flow.room).toBe(65_536);
    send(65_536);
    flow.dispose();
    flow.filled();
    expect(vi.getTimerCount()).toBe(0);
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

describe("FlowWindow, automatic", () => {
  /** What leaves when nothing waits, and all that there is room for if it is no less. */
  function makeAuto() {
    const made = makeWindow("auto");
    const send = (bytes: number): void => {
      made.flow.beginning(performance.now());
      made.send(bytes);
      if (made.flow.room <= 0) made.flow.filled();
    };
    const answer = (): void => {
      for (const ping of made.pings.splice(0)) made.flow.pong(ping);
    };
    return { ...made, send, answer };
  }

  test("asks before the first bytes, and begins with 16 KiB", () => {
    const { flow, pings, send } = makeAuto();
    send(100);
    expect(pings).toHaveLength(1);
    expect(flow.windowBytes).toBe(16_384);
    vi.advanceTimersByTime(30);
    flow.pong(pings[0] as Uint8Array);
    expect(flow.baseRttMs).toBe(30);
    expect(flow.inFlight).toBe(100);
  });

  test("sees that a path is no longer as long as it was, though all that there is would be too late", () => {
    const { flow, send, answer } = makeAuto();
    const transitMs = (): number => flow.transitMs(100, performance.now());
    send(100);
    vi.advanceTimersByTime(1_900);
    answer();
    expect(transitMs()).toBe(950);
    vi.advanceTimersByTime(8_099);
    expect(transitMs()).toBe(950);
    vi.advanceTimersByTime(1);
    expect(transitMs()).toBe(0);
    send(100);
    expect(transitMs()).toBeGreaterThan(900);
    vi.advanceTimersByTime(20);
    answer();
    expect(transitMs()).toBe(10);
  });

  test("grows to 128 KiB where little is sent, and no further", () => {
    const { flow, send, answer } = makeAuto();
    for (let second = 0; second < 60; second++) {
      send(1_000);
      vi.advanceTimersByTime(10);
      answer();
      vi.advanceTimersByTime(990);
    }
    expect(flow.windowBytes).toBe(131_072);
    expect(flow.inFlight).toBeLessThan(11_000);
  });

  test("asks every ten seconds, however little is sent", () => {
    const { pings, send, answer } = makeAuto();
    let asked = 0;
    for (let turn = 0; turn < 100; turn++) {
      send(10);
      asked += pings.length;
      vi.advanceTimersByTime(20);
      answer();
      vi.advanceTimersByTime(480);
    }
    expect(asked).toBe(5);
  });

  test("falls back to 256 KiB of the kernel's for a peer that never answers, until it does", () => {
    const { flow, opened, pings, send } = makeAuto();
    send(20_000);
    flow.flushed(20_000);
    expect(flow.room).toBeLessThan(0);
    vi.advanceTimersByTime(2_000);
    expect(opened).toHaveBeenCalled();
    expect(flow).toMatchObject({ acknowledgedBy: "kernel", room: 262_144, windowBytes: 262_144 });
    flow.pong(pings.at(-1) as Uint8Array);
    expect(flow.acknowledgedBy).toBe("ping");
    expect(flow.windowBytes).toBeLessThan(65_536);
  });

  test("is not widened by a peer that answers before it reads, beyond 8 MiB", () => {
    const { flow, send, answer } = makeAuto();
    for (let turn = 0; turn < 10_000; turn++) {
      send(Math.max(flow.room, 1));
      answer();
      vi.advanceTimersByTime(1);
    }
    expect(flow.windowBytes).toBe(8_388_608);
  });

  test("never stays shut while it looks at the empty path", () => {
    const { flow, send, answer } = makeAuto();
    let shut = 0;
    for (let turn = 0; turn < 5_000; turn++) {
      shut = flow.room > 0 ? 0 : shut + 1;
      expect(shut).toBeLessThan(5);
      if (flow.room > 0) send(flow.room);
      vi.advanceTimersByTime(60);
      answer();
    }
  });

  test("a peer that answers no more while the path is to be empty is given little, too", () => {
    const { flow, send, answer } = makeAuto();
    const isLooking = (): boolean => flow.room === 0 && flow.inFlight < flow.windowBytes;
    for (let turn = 0; turn < 200 && !isLooking(); turn++) {
      if (flow.room > 0) send(flow.room);
      vi.advanceTimersByTime(turn < 30 ? 40 : 900);
      answer();
    }
    expect(isLooking()).toBe(true);
    flow.filled();
    vi.advanceTimersByTime(10_000);
    expect(flow.room).toBe(16_384);
  });

  test("has not been full where it only looks at the empty path", () => {
    const { flow, pings, send, answer } = makeAuto();
    for (let turn = 0; turn < 40; turn++) {
      if (flow.room > 0) send(flow.room);
      vi.advanceTimersByTime(turn < 5 ? 20 : 100);
      answer();
    }
    const { deliveryRate } = flow;
    expect(deliveryRate).toBeGreaterThan(100_000);
    // Less than the path takes, and always something on the way.
    for (let turn = 0; turn < 300 && flow.room > 0; turn++) {
      send(2_000);
      flow.ping();
      vi.advanceTimersByTime(50);
      for (const ping of pings.splice(0, pings.length - 1)) flow.pong(ping);
    }
    expect(flow.room).toBe(0);
    expect(flow.inFlight).toBeLessThan(flow.windowBytes);
    flow.filled();
    vi.advanceTimersByTime(100);
    answer();
    expect(flow.deliveryRate).toBe(deliveryRate);
  });

  test("takes what was held up on the way, and arrives at once, for no faster than it was sent", () => {
    const { flow, pings, send, answer } = makeAuto();
    send(100);
    vi.advanceTimersByTime(10);
    answer();
    flow.ping();
    const [held] = pings.splice(0) as [Uint8Array];
    for (let turn = 0; turn < 50; turn++) {
      send(200);
      vi.advanceTimersByTime(20);
    }
    flow.ping();
    flow.pong(held);
    flow.sent(1);
    flow.ping();
    vi.advanceTimersByTime(60);
    answer();
    expect(flow.deliveryRate).toBeGreaterThan(0);
    expect(flow.deliveryRate).toBeLessThan(20_000);
  });

  test("sends on while reading is suspended in the midst of such a look", () => {
    const { flow, send, answer } = makeAuto();
    const isLooking = (): boolean => flow.room === 0 && flow.inFlight < flow.windowBytes;
    // Slower all of a sudden: is the path longer now?
    for (let turn = 0; turn < 200 && !isLooking(); turn++) {
      if (flow.room > 0) send(flow.room);
      vi.advanceTimersByTime(turn < 30 ? 40 : 900);
      answer();
    }
    expect(isLooking()).toBe(true);
    flow.suspend();
    flow.flushed(1e12);
    expect(flow.room).toBeGreaterThan(0);
  });
});
