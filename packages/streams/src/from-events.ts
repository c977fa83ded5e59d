import { SpillwayError } from "./errors.ts";
import { EMPTY, type Source } from "./internal/protocol.ts";
import { usePump } from "./internal/use-pump.ts";
import { ReadableEnd } from "./internal/readable-end.ts";
import { checkFunction, checkNumber, outOfRange, wrongType } from "./options.ts";
import { type Overflow, overflowPolicy } from "./overflow.ts";
import type { DropReason } from "./policy.ts";
import { BoundedQueue } from "./queue.ts";
import type { QueueOptions, QueueStats } from "./queue-options.ts";

/** What {@link fromEvents} keeps of events nobody has read yet, and what ends it. */
export interface FromEventsOptions<E extends Event, T> extends Omit<
  QueueOptions<T>,
  "maxSize" | "overflow" | "gaps"
> {
  /**
   * What may wait to be read, in the unit of `size`; without `size`, chunks.
   *
   * @defaultValue 64 chunks; 65,536 (64 KiB) with `size`
   */
  readonly highWaterMark?: number | undefined;
  /** @defaultValue `"drop-oldest"` */
  readonly overflow?: Exclude<Overflow<T>, "wait"> | undefined;
  /**
   * Makes the chunk of an event, at once: what an event tells later may differ. What it throws errors
   * the stream.
   *
   * @defaultValue the event itself
   */
  readonly map?: ((event: E) => T) | undefined;
  /** The event that closes the stream, behind what waits. */
  readonly closeType?: string | undefined;
  /** The event that errors the stream, at once, with the event's `error` where it has one. */
  readonly errorType?: string | undefined;
  /** Errors the stream with its reason, and ends listening. */
  readonly signal?: AbortSignal | undefined;
}

/** A stream of events, and its counters. */
export interface EventStream<T> {
  readonly readable: ReadableStream<T>;
  /** What came, was delivered, dropped and waits. */
  stats(): QueueStats;
}

/**
 * Makes a stream of the events of one type. It listens from now until the stream ends.
 *
 * Backpressure: events cannot be held up, so what comes while `highWaterMark` chunks wait is dropped
 * by `overflow`, and counted.
 *
 * @param target - a window, an element, a `WebSocket`, a `BroadcastChannel`: any `EventTarget`
 * @param type - the type of the events
 * @param options - the bound, what happens at it, and what ends the stream
 * @returns the stream, and its counters
 * @throws `TypeError` or `RangeError` with `code: "SPW_ERR_OPTION"`
 * @see https://dom.spec.whatwg.org/#interface-eventtarget
 *
 * @example
 * ```ts
 * import { fromEvents } from "@spillway/streams";
 *
 * function newestText(socket: WebSocket): ReadableStream<string> {
 *   const { readable } = fromEvents(socket, "message", {
 *     map: (event: MessageEvent<string>) => event.data,
 *     overflow: "latest",
 *     closeType: "close",
 *     errorType: "error",
 *   });
 *   return readable;
 * }
 * ```
 */
export function fromEvents<E extends Event = Event, T = E>(
  target: EventTarget,
  type: string,
  options: FromEventsOptions<E, T> = {},
): EventStream<T> {
  usePump();
  if (typeof (target as Partial<EventTarget> | undefined)?.addEventListener !== "function") {
    throw wrongType("target", "an event target", target);
  }
  const source = new EventSource<E, T>(checkType("type", type), options);
  source.listen(target);
  return { readable: source.end.stream, stats: () => source.queue.stats() };
}

function checkType(name: string, type: string): string {
  if (typeof type !== "string") throw wrongType(name, "a string", type);
  return type;
}

class EventSource<E extends Event, T> implements Source<T> {
  readonly end: ReadableEnd<T>;
  readonly queue: BoundedQueue<T>;
  readonly #map: (event: E) => T;
  readonly #signal: AbortSignal | undefined;
  readonly #listeners: [type: string, listener: (event: Event) => void][];
  #target: EventTarget | undefined;
  #state: "open" | "closing" | "done" = "open";

  constructor(type: string, options: FromEventsOptions<E, T>) {
    const { highWaterMark, overflow, map, closeType, errorType, signal, ...rest } = options;
    if ((overflow as string | undefined) === "wait") throw waits(overflow);
    if (signal !== undefined && !(signal instanceof AbortSignal)) {
      throw wrongType("signal", "an AbortSignal", signal);
    }
    const mark = options.size
      ? checkNumber("highWaterMark", highWaterMark, 65_536, { min: Number.MIN_VALUE })
      : checkNumber("highWaterMark", highWaterMark, 64, { min: 1, integer: true });
    this.queue = new BoundedQueue<T>({
      ...rest,
      maxChunks: options.maxChunks ?? (options.size ? undefined : mark),
      maxSize: mark,
      overflow: overflowPolicy<T>(overflow ?? "drop-oldest"),
    });
    this.#map = checkFunction("map", map) ?? ((event) => event as unknown as T);
    this.#signal = signal;
    this.#listeners = [[type, (event) => this.#offer(event as E)]];
    if (closeType !== undefined) {
      this.#listeners.push([checkType("closeType", closeType), () => this.#close()]);
    }
    if (errorType !== undefined) {
      this.#listeners.push([
        checkType("errorType", errorType),
        (event) => this.#fail("closed", reasonOf(event)),
      ]);
    }
    this.end = new ReadableEnd<T>(this);
  }

  listen(target: EventTarget): void {
    if (this.#signal?.aborted) {
      this.#onAbort();
      return;
    }
    this.#target = target;
    this.#signal?.addEventListener("abort", this.#onAbort);
    for (const [type, listener] of this.#listeners) target.addEventListener(type, listener);
  }

  take(): T | typeof EMPTY {
    try {
      const entry = this.queue.shift();
      if (this.#state === "closing") this.#closeWhenEmpty();
      return entry ? entry.chunk : EMPTY;
    } catch (error) {
      this.#fail("closed", error);
      return EMPTY;
    }
  }

  cancel(reason: unknown): void {
    this.#fail("cancelled", reason);
  }

  readonly #onAbort = (): void => this.#fail("aborted", this.#signal?.reason);

  #offer(event: E): void {
    try {
      if (this.queue.offer(this.#map(event)) === "wait") throw waits("a policy that waits");
    } catch (error) {
      this.#fail("closed", error);
      return;
    }
    this.end.wake();
  }

  #close(): void {
    this.#state = "closing";
    this.#unlisten();
    this.#closeWhenEmpty();
  }

  #closeWhenEmpty(): void {
    if (this.queue.length > 0) return;
    this.#finish();
    this.end.close();
  }

  #fail(why: DropReason, reason: unknown): void {
    if (this.#state === "done") return;
    this.#finish();
    this.end.error(reason);
    this.queue.clear(why);
  }

  #finish(): void {
    this.#state = "done";
    this.#unlisten();
    this.#signal?.removeEventListener("abort", this.#onAbort);
  }

  #unlisten(): void {
    for (const [type, listener] of this.#listeners) {
      this.#target?.removeEventListener(type, listener);
    }
    this.#target = undefined;
  }
}

/** An `ErrorEvent` names its error; that of a `WebSocket` names nothing. */
function reasonOf(event: Event): unknown {
  const { error } = event as { error?: unknown };
  if (error !== undefined && error !== null) return error;
  return new SpillwayError("SPW_ERR_SOURCE", `Cannot read events: got event ${event.type}`, {
    cause: event,
  });
}

function waits(given: unknown): RangeError {
  return outOfRange("overflow", "a policy that drops (events never wait)", given);
}
