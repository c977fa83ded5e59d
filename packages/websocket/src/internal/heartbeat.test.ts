import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Heartbeat } from "./heartbeat.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function start() {
  const peer = { progress: 0, paused: false };
  const dead = vi.fn<(silentMs: number) => void>();
  const ping = vi.fn<() => void>();
  const probe = vi.fn<() => void>();
  const heartbeat = new Heartbeat(
    { everyMs: 1_000, deadlineMs: 5_000 },
    { isPaused: () => peer.paused, progress: () => peer.progress, probe, ping, dead },
  );
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

  test("stops", () => {
    const { heartbeat, ping } = start();
    heartbeat.stop();
    vi.advanceTimersByTime(10_000);
    expect(ping).not.toHaveBeenCalled();
  });
});
