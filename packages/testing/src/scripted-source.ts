import { checkNumber, MAX_TIMER_MS, wrongType } from "./internal/check.ts";
import { Hold } from "./internal/hold.ts";
import type { Timers } from "./virtual-clock.ts";

/**
 * What a source does next: give chunks, one for each time it is asked; keep the consumer waiting
 * for a time, or until it is released; or break.
 */
export type SourceStep<T> =
  | { readonly chunks: Iterable<T> }
  | { readonly waitMs: number }
  | { readonly error: unknown }
  | "stall";

/** How a source ended. */
export interface SourceEnd {
  readonly how: "closed" | "errored" | "cancelled";
  /** Of the error or the cancel. */
  readonly reason?: unknown;
}

/** On which clock a source waits, and how far it works ahead. */
export interface ScriptedSourceOptions {
  /**
   * What `waitMs` is counted on.
   *
   * @defaultValue the global timers, as they are when the wait begins
   */
  readonly clock?: Timers | undefined;
  /**
   * The chunks that the stream asks for while nobody reads.
   *
   * @defaultValue `0`
   */
  readonly highWaterMark?: number | undefined;
}

/** A source that follows its script, and what happened to it. */
export interface ScriptedSource<T> {
  /** A stream of the platform. */
  readonly readable: ReadableStream<T>;
  /** How often it was asked for a chunk. */
  readonly pulls: number;
  /** The chunks it gave, in order. */
  readonly sent: readonly T[];
  /** Whether somebody waits for it to be released. */
  readonly stalled: boolean;
  /** How it ended, once it has. */
  readonly end: SourceEnd | undefined;
  /** Settles with the end; never rejects. */
  readonly ended: Promise<SourceEnd>;
  /** Keeps waiting whoever asks next, until `release()`. */
  stall(): void;
  /** Goes on after a stall. Throws when it is at none: a test that releases too early is wrong. */
  release(): void;
  /** Closes now, asked or not; does nothing after the end. */
  close(): void;
  /** Breaks now, asked or not; does nothing after the end. */
  error(reason: unknown): void;
}

/**
 * Makes a native `ReadableStream` that does what a script says, for code that has to live with
 * sources that are slow, stall and break.
 *
 * Backpressure: it gives a chunk when it is asked and holds none. Behind the last step it closes.
 *
 * @param script - the steps, in order; chunks are taken from their iterable one by one
 * @param options - the clock to wait on
 * @returns the source, not yet asked
 * @throws `TypeError` or `RangeError` for a step or an option that is not allowed
 * @see https://streams.spec.whatwg.org/#rs-class
 *
 * @example
 * ```ts
 * import { scriptedSource, virtualClock } from "@spillway/testing";
 *
 * const clock = virtualClock();
 * const script = [{ chunks: ["a", "b"] }, { waitMs: 500 }, { error: new Error("gone") }];
 * const source = scriptedSource(script, { clock });
 * const piped = source.readable.pipeTo(new WritableStream());
 * await clock.advance(500);
 * await piped.catch((error) => console.log(source.sent.length, error === source.end?.reason));
 * ```
 */
export function scriptedSource<T>(
  script: readonly SourceStep<T>[],
  options: ScriptedSourceOptions = {},
): ScriptedSource<T> {
  const { clock, highWaterMark = 0 } = options;
  checkNumber("highWaterMark", highWaterMark, { min: 0, max: Infinity });
  for (const step of script) checkStep(step);

  const actions = actionsOf(script);
  const hold = new Hold(clock);
  const sent: T[] = [];
  let pulls = 0;
  let end: SourceEnd | undefined;
  let onEnd: ((end: SourceEnd) => void) | undefined;
  let controller!: ReadableStreamDefaultController<T>;
  const ended = new Promise<SourceEnd>((resolve) => {
    onEnd = resolve;
  });

  /** The first end stands; an iterable that was left in the middle may clean up. */
  const finish = (how: SourceEnd["how"], reason?: unknown): boolean => {
    if (end) return false;
    end = how === "closed" ? { how } : { how, reason };
    hold.end("resolve");
    actions.return();
    onEnd?.(end);
    return true;
  };
  const close = (): void => {
    if (finish("closed")) controller.close();
  };
  const error = (reason: unknown): void => {
    if (finish("errored", reason)) controller.error(reason);
  };
  /** Runs the script up to the next chunk. */
  const give = async (): Promise<void> => {
    await hold.asked();
    // oxlint-disable-next-line no-unmodified-loop-condition -- finish() sets it while this waits
    while (!end) {
      const { done, value: action } = actions.next();
      if (done) return close();
      if (action === "stall") await hold.stall();
      else if ("waitMs" in action) await hold.delay(action.waitMs);
      else if ("error" in action) error(action.error);
      else {
        sent.push(action.chunk);
        return controller.enqueue(action.chunk);
      }
    }
  };
  const readable = new ReadableStream<T>(
    {
      start: (own) => {
        controller = own;
      },
      pull: async () => {
        pulls += 1;
        await give().catch(error);
      },
      cancel: (reason) => {
        finish("cancelled", reason);
      },
    },
    { highWaterMark },
  );

  return {
    readable,
    sent,
    ended,
    close,
    error,
    get pulls() {
      return pulls;
    },
    get stalled() {
      return hold.stalled;
    },
    get end() {
      return end;
    },
    stall: () => hold.stallNext(),
    release: () => hold.release("the source"),
  };
}

type Action<T> = Exclude<SourceStep<T>, { readonly chunks: Iterable<T> }> | { readonly chunk: T };

function* actionsOf<T>(script: readonly SourceStep<T>[]): Generator<Action<T>, void> {
  for (const step of script) {
    if (typeof step === "string" || !("chunks" in step)) yield step;
    else for (const chunk of step.chunks) yield { chunk };
  }
}

function checkStep<T>(step: SourceStep<T>): void {
  if (step === "stall") return;
  const isStep = typeof step === "object" && step !== null;
  if (isStep && "chunks" in step && Symbol.iterator in Object(step.chunks)) return;
  if (isStep && "error" in step) return;
  if (!isStep || !("waitMs" in step)) {
    throw wrongType("script", '{ chunks }, { waitMs }, { error } or "stall"', step);
  }
  checkNumber("waitMs", step.waitMs, { min: 0, max: MAX_TIMER_MS });
}
