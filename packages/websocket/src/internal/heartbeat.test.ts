import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Heartbeat } from "./heartbeat.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  for (const heartbeat of started.splice(0)) heartbeat.stop();
  vi.advanceTimersByTime(1_000);
  vi.useRealTimers();
});

const started: { stop(): void }[] = [];

function start() {
  const peer = { progress: 0, paused: false };
  const dead = vi.fn<(silentMs: number) => void>();
  const ping = vi.fn<() => void>();
  const probe = vi.fn<() => void>();
  const heartbeat = new Heartbeat(
    peer,
    { everyMs: 1_000, deadlineMs: 5_000 },
    {
      isPaused: ({ paused }) => paused,
      progress: ({ progress }) => progress,
      probe: () => probe(),
      ping: () => ping(),
      dead: (_, silentMs) => dead(silentMs),
    },
  );
  started.push(heartbeat);
  return { peer, dead, ping, probe, heartbeat };
}

describe("Heartbeat", () => {
  test("gives a peer up that shows no sign of life for the deadline", () => {
    const { dead, ping } = start();
    vi.advanceTimersByTime(5_000);
    expect(dead).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1_000);
    expect(dead).toHaveBeenCalledOnce();
    expect(ping).toHaveBeenCalledTimes(5);
  });

  test("takes data still moving for a sign of life", () => {
    const { peer, dead } = start();
    for (let second = 0; second < 60; second++) {
      peer.progress++;
      vi.advanceTimersByTime(1_000);
    }
    expect(dead).not.toHaveBeenCalled();
  });

  test("has no verdict while we do not read, but looks", () => {
    const { peer, dead, probe } = start();
    peer.paused = true;
    vi.advanceTimersByTime(60_000);
    expect(dead).not.toHaveBeenCalled();
    expect(probe).toHaveBeenCalledTimes(60);
    peer.paused = false;
    vi.advanceTimersByTime(6_000);
    expect(dead).toHaveBeenCalled();
  });

  test("looks at each peer once in every period, whenever it came", () => {
    const peers = [start()];
    vi.advanceTimersByTime(450);
    peers.push(start());
    vi.advanceTimersByTime(450);
    expect(peers.map(({ ping }) => ping.mock.calls.length)).toEqual([0, 0]);
    vi.advanceTimersByTime(100);
    expect(peers.map(({ ping }) => ping.mock.calls.length)).toEqual([1, 0]);
    for (const { peer } of peers) peer.progress++;
    vi.advanceTimersByTime(3_000);
    expect(peers.map(({ ping }) => ping.mock.calls.length)).toEqual([4, 3]);
    for (const { heartbeat } of peers) heartbeat.stop();
  });

  test("stops, and its timer with the last one", () => {
    const [one, two] = [start(), start()];
    expect(vi.getTimerCount()).toBe(1);
    one.heartbeat.stop();
    vi.advanceTimersByTime(1_000);
    expect(one.ping).not.toHaveBeenCalled();
    expect(two.ping).toHaveBeenCalledOnce();
    two.heartbeat.stop();
    vi.advanceTimersByTime(1_000);
    expect(two.ping).toHaveBeenCalledOnce();
    expect(vi.getTimerCount()).toBe(0);
    start();
    expect(vi.getTimerCount()).toBe(1);
  });
});
