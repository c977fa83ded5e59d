import { afterAll, describe, expect, test, vi } from "vitest";

// Installed before the clock is captured, so that virtual time drives it.
vi.useFakeTimers();
const { Pacer } = await import("./pacer.ts");

const READ_BYTES = 65_536;

/** Reads 64 KiB a millisecond whenever the tap is open. */
function runTap(
  pacer: InstanceType<typeof Pacer>,
  tap: { isOpen: boolean },
  forMs: number,
): number {
  let bytes = 0;
  for (let ms = 0; ms < forMs; ms += 1) {
    if (tap.isOpen) {
      bytes += READ_BYTES;
      pacer.spend(READ_BYTES);
    }
    vi.advanceTimersByTime(1);
  }
  return bytes;
}

function makeTap(): { isOpen: boolean; pause(): void; resume(): void } {
  return {
    isOpen: true,
    pause() {
      this.isOpen = false;
    },
    resume() {
      this.isOpen = true;
    },
  };
}

describe("Pacer", () => {
  afterAll(() => {
    vi.useRealTimers();
  });

  test("keeps the tap shut until it starts", () => {
    const tap = makeTap();
    const pacer = new Pacer(tap);
    pacer.set("fast");
    expect(tap.isOpen).toBe(false);
    pacer.start();
    expect(tap.isOpen).toBe(true);
  });

  test("stays frozen when it starts frozen", () => {
    const tap = makeTap();
    const pacer = new Pacer(tap);
    pacer.set("never");
    pacer.start();
    expect(tap.isOpen).toBe(false);
    pacer.thaw();
    expect(tap.isOpen).toBe(true);
  });

  test.each([20_000, 1_000_000, 10_000_000])("keeps %i bytes a second in the long run", (rate) => {
    const tap = makeTap();
    const pacer = new Pacer(tap);
    pacer.set({ bytesPerSecond: rate });
    pacer.start();
    const bytes = runTap(pacer, tap, 20_000);
    expect(bytes).toBeGreaterThan(0);
    expect(Math.abs(bytes - 20 * rate)).toBeLessThanOrEqual(2 * READ_BYTES);
    pacer.stop();
    expect(vi.getTimerCount()).toBe(0);
  });

  test("saves at most a tenth of a second while nothing comes", () => {
    const tap = makeTap();
    const pacer = new Pacer(tap);
    pacer.set({ bytesPerSecond: 10_000_000 });
    pacer.start();
    vi.advanceTimersByTime(60_000);
    expect(runTap(pacer, tap, 100)).toBeLessThanOrEqual(2_000_000 + READ_BYTES);
    pacer.stop();
  });

  test("comes back to its rate after a freeze", () => {
    const tap = makeTap();
    const pacer = new Pacer(tap);
    pacer.set({ bytesPerSecond: 1_000_000 });
    pacer.start();
    pacer.freeze();
    expect(runTap(pacer, tap, 1_000)).toBe(0);
    pacer.thaw();
    const bytes = runTap(pacer, tap, 5_000);
    expect(Math.abs(bytes - 5_100_000)).toBeLessThanOrEqual(2 * READ_BYTES);
    pacer.stop();
  });

  test("touches nothing once it is stopped", () => {
    const tap = makeTap();
    const pacer = new Pacer(tap);
    pacer.set({ bytesPerSecond: 1_000 });
    pacer.start();
    pacer.spend(READ_BYTES);
    expect(tap.isOpen).toBe(false);
    pacer.stop();
    pacer.thaw();
    vi.advanceTimersByTime(600_000);
    expect(tap.isOpen).toBe(false);
  });
});
