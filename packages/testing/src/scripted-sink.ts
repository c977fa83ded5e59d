import { checkNumber, checkOneOf, MAX_TIMER_MS, wrongType } from "./internal/check.ts";
import { Hold } from "./internal/hold.ts";
import type { Timers } from "./virtual-clock.ts";

/**
 * What a sink does next: take so many chunks, each at once or after `msEach`; hold the next chunk
 * (or the close) until it is released; or fail it.
 */
export type SinkStep =
  | { readonly take: number; readonly msEach?: number | undefined }
  | { readonly error: unknown }
  | "stall";

/** How a sink ended. */
export interface SinkEnd {
  readonly how: "closed" | "errored" | "aborted";
  /** Of the error or the abort. */
  readonly reason?: unknown;
}

/** On which clock a sink waits, how much it asks for, and how it takes an abort. */
export interface ScriptedSinkOptions {
  /**
   * What `msEach` is counted on.
   *
   * @defaultValue the global timers, as they are when the wait begins
   */
  readonly clock?: Timers | undefined;
  /**
   * The chunks that the stream lets wait before its `ready` does.
   *
   * @defaultValue `1`
   */
  readonly highWaterMark?: number | undefined;
  /**
   * What becomes of a write that is held when the stream is aborted: it is rejected at once, or it
   * goes on, deaf to the signal, as that of most sinks does.
   *
   * @defaultValue `"reject"`
   */
  readonly whenAborted?: "reject" | "go-on" | undefined;
}

/** A sink that follows its script, and what happened to it. */
export interface ScriptedSink<T> {
  /** A stream of the platform. */
  readonly writable: WritableStream<T>;
  /** The chunks it took, in order. */
  readonly chunks: readonly T[];
  /**
   * The most chunks that were written and not yet taken at one time. More than `highWaterMark`: the
   * producer did not wait.
   */
  readonly maxHeld: number;
  /** Whether it holds a write or the close until it is released. */
  readonly stalled: boolean;
  /** How it ended, once it has. */
  readonly end: SinkEnd | undefined;
  /** Settles with the end; never rejects. */
  readonly ended: Promise<SinkEnd>;
  /** Holds the next write or the close, until `release()`. */
  stall(): void;
  /** Goes on after a stall. Throws when it is at none: a test that releases too early is wrong. */
  release(): void;
  /** Fails now, between two writes or within one; does nothing after the end. */
  error(reason: unknown): void;
}

/**
 * Makes a native `WritableStream` that does what a script says, for code that has to live with
 * sinks that are slow, stall and fail.
 *
 * Backpressure: `ready` waits while `highWaterMark` chunks are written and not taken. Behind the
 * last step it takes everything at once.
 *
 * @param script - the steps, in order
 * @param options - the clock to wait on, the mark, the manners
 * @returns the sink, with nothing written
 * @throws `TypeError` or `RangeError` for a step or an option that is not allowed
 * @see https://streams.spec.whatwg.org/#ws-class
 *
 * @example
 * ```ts
 * import { scriptedSink, virtualClock } from "@spillway/testing";
 *
 * const clock = virtualClock();
 * const sink = scriptedSink<string>([{ take: 2, msEach: 100 }, "stall"], { clock });
 * const writer = sink.writable.getWriter();
 * for (const chunk of ["a", "b", "c"]) writer.write(chunk).catch(() => {});
 * await clock.advance(200);
 * console.log(sink.chunks, sink.stalled, sink.maxHeld); // ["a", "b"], true, 3
 * ```
 */
export function scriptedSink<T>(
  script: readonly SinkStep[] = [],
  options: ScriptedSinkOptions = {},
): ScriptedSink<T> {
  const { clock, highWaterMark = 1, whenAborted = "reject" } = options;
  checkNumber("highWaterMark", highWaterMark, { min: 0, max: Infinity });
  checkOneOf("whenAborted", whenAborted, ["reject", "go-on"]);
  for (const step of script) checkStep(step);

  const actions = actionsOf(script);
  const hold = new Hold(clock);
  const chunks: T[] = [];
  let action = actions.next().value;
  let [held, maxHeld] = [0, 0];
  let end: SinkEnd | undefined;
  let onEnd: ((end: SinkEnd) => void) | undefined;
  let controller!: WritableStreamDefaultController;
  const ended = new Promise<SinkEnd>((resolve) => {
    onEnd = resolve;
  });

  const finish = (how: SinkEnd["how"], reason?: unknown): void => {
    if (end) return;
    end = how === "closed" ? { how } : { how, reason };
    held = 0;
    onEnd?.(end);
  };
  /** Runs the script up to the next chunk to take. */
  const reach = async (): Promise<void> => {
    await hold.asked();
    while (typeof action === "string" || (action && "error" in action)) {
      const step = action;
      action = actions.next().value;
      if (step !== "stall") {
        finish("errored", step.error);
        throw step.error;
      }
      await hold.stall();
    }
  };
  const writable = new WritableStream<T>(
    {
      start: (own) => {
        controller = own;
        if (whenAborted === "go-on") return;
        const { signal } = own;
        signal.addEventListener("abort", () => {
          finish("aborted", signal.reason);
          hold.end("reject", signal.reason);
        });
      },
      write: async (chunk) => {
        await reach();
        const msEach = typeof action === "object" && "msEach" in action ? action.msEach : undefined;
        action = actions.next().value;
        if (msEach !== undefined) await hold.delay(msEach);
        chunks.push(chunk);
        if (!end) held -= 1;
      },
      close: async () => {
        await reach();
        finish("closed");
      },
      abort: (reason) => finish("aborted", reason),
    },
    {
      highWaterMark,
      // The one place where the platform tells of a write before the sink gets it.
      size: () => {
        held += end ? 0 : 1;
        maxHeld = Math.max(maxHeld, held);
        return 1;
      },
    },
  );

  return {
    writable,
    chunks,
    ended,
    get maxHeld() {
      return maxHeld;
    },
    get stalled() {
      return hold.stalled;
    },
    get end() {
      return end;
    },
    stall: () => hold.stallNext(),
    release: () => hold.release("the sink"),
    error: (reason) => {
      if (end) return;
      finish("errored", reason);
      controller.error(reason);
      hold.end("reject", reason);
    },
  };
}

type Action = "stall" | { readonly error: unknown } | { readonly msEach: number | undefined };

function* actionsOf(script: readonly SinkStep[]): Generator<Action, undefined> {
  for (const step of script) {
    if (typeof step === "string" || "error" in step) yield step;
    else for (let taken = 0; taken < step.take; taken += 1) yield { msEach: step.msEach };
  }
}

function checkStep(step: SinkStep): void {
  if (step === "stall") return;
  const isStep = typeof step === "object" && step !== null;
  if (isStep && "error" in step) return;
  if (!isStep || !("take" in step)) {
    throw wrongType("script", '{ take }, { error } or "stall"', step);
  }
  if (step.take !== Infinity) {
    checkNumber("take", step.take, { min: 0, max: Number.MAX_SAFE_INTEGER, integer: true });
  }
  if (step.msEach !== undefined) {
    checkNumber("msEach", step.msEach, { min: 0, max: MAX_TIMER_MS });
  }
}
