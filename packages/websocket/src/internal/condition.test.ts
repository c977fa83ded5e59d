import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { FlowWindow } from "../flow-window.ts";
import { Account } from "./account.ts";
import { Condition, statesOf } from "./condition.ts";
import { Share } from "./share.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["performance", "setTimeout", "clearTimeout"] });
});
afterEach(() => {
  vi.useRealTimers();
});

const WINDOW = 65_536;
const MARK = 65_536;

/** A connection to a peer that takes what is `answered`, in the account and the window that judge it. */
function meet() {
  const pings: Uint8Array[] = [];
  const flow = new FlowWindow(WINDOW, {
    ping: (payload) => pings.push(payload),
    opened: () => account.progress(),
  });
  const account = new Account(MARK, flow, { opened: () => {} });
  const condition = new Condition(performance.now());
  const state = (isPaused = false): string =>
    condition.look({ isDead: false, isPaused, account, flow }, performance.now());
  const send = (bytes: number): void => {
    flow.beginning(performance.now());
    account.hand(bytes, 0);
    flow.leaving();
    account.flush(bytes);
  };
  /** Answers all, so many milliseconds later. */
  const answer = (afterMs: number): void => {
    vi.advanceTimersByTime(afterMs);
    for (const ping of pings.splice(0)) flow.pong(ping);
  };
  return { flow, account, condition, state, send, answer, pings };
}

describe("Condition", () => {
  test("silence: 350 ms, and twice as long as the slowest answer of late", () => {
    const { state, send, answer } = meet();
    send(40_000);
    answer(20);
    send(40_000);
    vi.advanceTimersByTime(349);
    expect(state()).toBe("healthy");
    vi.advanceTimersByTime(2);
    expect(state()).toBe("frozen");
    // It was slow once: it may be again.
    answer(1_649);
    expect(state()).toBe("healthy");
    send(40_000);
    vi.advanceTimersByTime(3_999);
    expect(state()).toBe("healthy");
    vi.advanceTimersByTime(2);
    expect(state()).toBe("frozen");
    // It answers at once again and again, and is forgiven.
    answer(0);
    for (let round = 0; round < 20; round++) {
      send(40_000);
      answer(5);
    }
    send(40_000);
    vi.advanceTimersByTime(1_000);
    expect(state()).toBe("frozen");
  });

  /** Sends a little of film so many times, to a peer that answers a picture later and later. */
  function fall(meeting: ReturnType<typeof meet>, pictures: number, laterMs: number): string[] {
    const { flow, pings, send, state } = meeting;
    const waiting: { readonly ping: Uint8Array; readonly atMs: number }[] = [];
    const states: string[] = [];
    for (let picture = 0; picture < pictures; picture++) {
      send(2_000);
      flow.ping();
      const delayMs = 10 + picture * laterMs;
      for (const ping of pings.splice(0)) waiting.push({ ping, atMs: performance.now() + delayMs });
      vi.advanceTimersByTime(33);
      while (waiting[0] && waiting[0].atMs <= performance.now()) {
        flow.pong((waiting.shift() as { ping: Uint8Array }).ping);
      }
      states.push(state());
    }
    for (const { ping } of waiting) flow.pong(ping);
    return states;
  }

  test("answers that take longer and longer are congestion, though there is room", () => {
    const meeting = meet();
    meeting.send(2_000);
    meeting.answer(10);
    const states = fall(meeting, 40, 15);
    expect(meeting.account.congestion).toBe(0);
    expect(states.slice(0, 10)).not.toContain("congested");
    expect(states.at(-1)).toBe("congested");
    // In time again.
    meeting.send(2_000);
    meeting.flow.ping();
    meeting.answer(10);
    expect(meeting.state()).toBe("healthy");
  });

  test("answers that all come at once, since the peer was busy, are none", () => {
    const { flow, pings, send, state } = meet();
    send(2_000);
    vi.advanceTimersByTime(10);
    for (const ping of pings.splice(0)) flow.pong(ping);
    for (let gulp = 0; gulp < 10; gulp++) {
      for (let picture = 0; picture < 9; picture++) {
        send(2_000);
        flow.ping();
        vi.advanceTimersByTime(33);
        expect(state()).toBe("healthy");
      }
      for (const ping of pings.splice(0)) flow.pong(ping);
    }
  });

  test("who owes no answer is not silent, however long nothing is sent", () => {
    const { state, send, answer } = meet();
    send(40_000);
    answer(20);
    vi.advanceTimersByTime(3_600_000);
    expect(state()).toBe("healthy");
  });

  test("without room for most of a second it is congested, until it has some for most of the time", () => {
    const { account, state } = meet();
    const block = (ms: number): void => {
      account.queue(MARK);
      vi.advanceTimersByTime(ms);
      account.queue(-MARK);
    };
    block(600);
    expect(state()).toBe("healthy");
    block(200);
    expect(state()).toBe("congested");
    // In between it stays what it was.
    for (let round = 0; round < 20; round++) {
      vi.advanceTimersByTime(60);
      block(40);
      expect(state()).toBe("congested");
    }
    vi.advanceTimersByTime(1_000);
    expect(state()).toBe("healthy");
    for (let round = 0; round < 20; round++) {
      vi.advanceTimersByTime(60);
      block(40);
      expect(state()).toBe("healthy");
    }
  });

  test("a peer that never answers is frozen when nothing moves for 5 s", () => {
    const { account, state, send } = meet();
    send(40_000);
    vi.advanceTimersByTime(4_000);
    expect(state()).toBe("healthy");
    account.hand(MARK, 0);
    vi.advanceTimersByTime(4_999);
    expect(state()).toBe("congested");
    vi.advanceTimersByTime(1);
    expect(state()).toBe("frozen");
  });

  test("a silent peer is stalled from the first, whatever it is given to see whether it reads", () => {
    const { account, state, send, answer } = meet();
    send(WINDOW);
    answer(20);
    send(WINDOW);
    vi.advanceTimersByTime(10_000);
    expect(account.room).toBe(16_384);
    expect(account.stalledMs).toBe(10_000);
    vi.advanceTimersByTime(1_000);
    send(16_384);
    expect(account.room).toBe(0);
    vi.advanceTimersByTime(1_000);
    expect(account.stalledMs).toBe(12_000);
    expect(state()).toBe("frozen");
    answer(0);
    expect(account.stalledMs).toBe(0);
    send(WINDOW);
    vi.advanceTimersByTime(100);
    expect(account.stalledMs).toBe(100);
  });

  test("while we do not read there is no verdict", () => {
    const { flow, state, send, answer } = meet();
    send(40_000);
    answer(20);
    send(40_000);
    flow.suspend();
    vi.advanceTimersByTime(3_000);
    expect(state(true)).toBe("paused");
    flow.resume();
    // What was asked before says nothing; what is asked now does.
    expect(state()).toBe("healthy");
    answer(10);
    expect(state()).toBe("healthy");
    send(40_000);
    vi.advanceTimersByTime(351);
    expect(state()).toBe("frozen");
  });

  test("tells since when", () => {
    const { condition, state, send, answer } = meet();
    send(40_000);
    answer(20);
    send(40_000);
    vi.advanceTimersByTime(600);
    expect(state()).toBe("frozen");
    vi.advanceTimersByTime(250);
    expect(state()).toBe("frozen");
    expect(condition.lasts(performance.now())).toBe(250);
  });
});

test("Share forgets", () => {
  const share = new Share();
  expect(share.at(5_000)).toBe(0);
  share.set(true, 5_000);
  expect(share.at(5_000)).toBe(0);
  expect(share.at(5_694)).toBeCloseTo(0.5, 2);
  expect(share.at(60_000)).toBeCloseTo(1, 9);
  share.set(false, 60_000);
  share.set(false, 60_694);
  expect(share.at(60_694)).toBeCloseTo(0.5, 2);
});

test("statesOf() ends soon after it is left, though there is nothing to tell", async () => {
  const states = statesOf({ state: "healthy" });
  expect(await states.next()).toEqual({ done: false, value: "healthy" });
  const next = states.next();
  await states.return?.();
  expect(await next).toEqual({ done: true, value: undefined });
});

test("statesOf() gives each state once, and ends with the connection", async () => {
  vi.useRealTimers();
  const connection = { state: "healthy" as "healthy" | "frozen" | "dead" };
  const seen: string[] = [];
  for await (const state of statesOf(connection)) {
    seen.push(state);
    if (state === "healthy") setTimeout(() => (connection.state = "frozen"), 1);
    if (state === "frozen") setTimeout(() => (connection.state = "dead"), 1);
  }
  expect(seen).toEqual(["healthy", "frozen", "dead"]);
});
