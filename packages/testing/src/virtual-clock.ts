import { withGlobal } from "@sinonjs/fake-timers";
import { checkNumber } from "./internal/check.ts";
import { startTimer, stopTimer } from "./internal/clock.ts";
import { settle } from "./settle.ts";

/** What a timer is known by: an object on Node, a number in browsers. */
export type Timer = ReturnType<typeof globalThis.setTimeout>;

/** The timers that a script waits on: the globals have this shape, and so has every clock. */
export interface Timers {
  setTimeout(callback: () => void, delayMs?: number): Timer;
  clearTimeout(timer: Timer | undefined): void;
}

/** Where a clock starts. */
export interface VirtualClockOptions {
  /**
   * What `Date.now()` says at the start, in milliseconds since the Unix epoch.
   *
   * @defaultValue `0`
   */
  readonly epochMs?: number | undefined;
}

/** A clock that stands still until it is advanced. Its functions need no `this`. */
export interface VirtualClock extends Timers {
  /** Milliseconds since the clock was made; fits every option called `now`. */
  readonly now: () => number;
  readonly setTimeout: Timers["setTimeout"];
  readonly clearTimeout: Timers["clearTimeout"];
  readonly setInterval: Timers["setTimeout"];
  readonly clearInterval: Timers["clearTimeout"];
  /** The timers that are waiting; 0 when everything was cleared. */
  readonly pendingTimers: number;
  /**
   * Moves the time on and runs what falls due, in order. Whatever a timer sets off (promises,
   * streams, further timers) runs before the next one; a second call waits for the first. Rejects
   * with the first error that a timer threw, when all have run.
   */
  advance(ms: number): Promise<void>;
  /**
   * Puts the clock in the place of `Date`, `performance.now()`, `setTimeout()`, `setInterval()` and
   * what clears them, until the function returned is called. Turns of the event loop stay real, and
   * so do timers imported from `node:timers`.
   */
  install(): () => void;
}

/** The globals as they were when this module was loaded, before anyone faked them. */
const real = {
  Date,
  Promise,
  performance,
  setTimeout: startTimer,
  clearTimeout: stopTimer,
  setInterval: globalThis.setInterval.bind(globalThis),
  clearInterval: globalThis.clearInterval.bind(globalThis),
};

const FAKED = ["Date", "setTimeout", "clearTimeout", "setInterval", "clearInterval"] as const;

/**
 * Makes a clock that only a test moves: for code that takes its time as an option, or, once it is
 * installed, for code that asks the globals. It needs no test runner.
 *
 * Backpressure: none; between two timers it waits until what the first set off has run.
 *
 * @param options - where it starts
 * @returns the clock, standing still
 * @throws `TypeError` or `RangeError` when `epochMs` is no time
 *
 * @example
 * ```ts
 * import { virtualClock } from "@spillway/testing";
 *
 * const clock = virtualClock();
 * const restore = clock.install();
 * setTimeout(() => console.log(performance.now()), 1_500); // 1500, at once
 * await clock.advance(2_000);
 * restore();
 * ```
 */
export function virtualClock(options: VirtualClockOptions = {}): VirtualClock {
  const { epochMs = 0 } = options;
  checkNumber("epochMs", epochMs, { min: 0, max: 8.64e15 });
  // It is installed on an object of our own first: so two clocks can be told apart, and a native
  // timer that is cleared by a faked function is cleared for real.
  const scope = { ...real, setImmediate: startRest };
  const fake = withGlobal(scope).install({
    now: epochMs,
    toFake: [...FAKED, "performance"],
    shouldClearNativeTimers: true,
  });
  let restoreAll: (() => void) | undefined;
  let advanced: Promise<unknown> = Promise.resolve();

  return {
    now: () => fake.performance.now(),
    setTimeout: (callback, delayMs) => scope.setTimeout(callback, delayMs),
    clearTimeout: (timer) => scope.clearTimeout(timer),
    setInterval: (callback, delayMs) => scope.setInterval(callback, delayMs),
    clearInterval: (timer) => scope.clearInterval(timer),
    get pendingTimers() {
      return fake.countTimers();
    },
    advance: async (ms) => {
      checkNumber("ms", ms, { min: 0, max: Number.MAX_SAFE_INTEGER });
      const before = advanced;
      const own = before.then(() => fake.tickAsync(ms));
      advanced = own.catch(() => {});
      await own;
    },
    install: () => {
      if (restoreAll) throw new Error("Cannot install the clock: it is installed already");
      const restores = FAKED.map((name) => replace(globalThis, name, scope[name]));
      restores.push(replace(globalThis.performance, "now", () => fake.performance.now()));
      restoreAll = () => {
        for (const restore of restores.splice(0)) restore();
        restoreAll = undefined;
      };
      return restoreAll;
    },
  };
}

/** Takes the place of one turn between two timers: after the first, everything comes to rest. */
async function startRest(callback: () => void): Promise<void> {
  await settle();
  callback();
}

function replace(target: object, name: string, value: unknown): () => void {
  const before = Object.getOwnPropertyDescriptor(target, name);
  Object.defineProperty(target, name, { value, configurable: true, writable: true });
  return () => {
    if (before) Object.defineProperty(target, name, before);
    else Reflect.deleteProperty(target, name);
  };
}
