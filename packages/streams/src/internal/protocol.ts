import type { ReadableEnd } from "./readable-end.ts";
import type { EndWriter, WritableEnd } from "./writable-end.ts";

/** What {@link Source.take} answers when there is no chunk now; any other value is a chunk. */
export const EMPTY: unique symbol = Symbol("empty");

/**
 * What a readable is made of. Nothing here throws: a source that fails tells its end.
 *
 * Answers are true when they are given: whoever changes them afterwards calls `wake()` of the end,
 * also from within a call of the other side.
 */
export interface Source<T> {
  /** The next chunk, or `EMPTY`: then the end is woken when there is one, closed or errored. */
  take(): T | typeof EMPTY;
  /** Whether it asks another source in turn, and pushes what that one gives. */
  readonly isPushing?: boolean;
  /** The consumer gave up; nothing is taken any more. */
  cancel(reason: unknown): void | PromiseLike<void>;
}

/** What a writable is made of. Nothing here throws: a sink that fails tells its end. */
export interface Sink<T> {
  /**
   * Called once, while `end` is being made; chunks wait for it. What it throws, the constructor
   * throws.
   */
  start?(
    controller: WritableStreamDefaultController,
    end: WritableEnd<T>,
  ): void | PromiseLike<void>;
  /**
   * Takes a chunk (`true`), or refuses it for now (`false`): the same chunk is offered again once
   * the end is woken. A promise means that the chunk was taken and that the write is over, and the
   * next chunk welcome, when it settles; it rejects for a chunk that made the sink fail.
   */
  put(chunk: T): boolean | Promise<void>;
  /**
   * For a source that may have several chunks at once: what takes them, and tells how many. It is
   * called while a chunk that comes by way of `put()` would be next.
   */
  runsFrom?(source: Source<T>): (() => number) | undefined;
  /** What `getWriter()` makes, where it is no {@link EndWriter}. */
  readonly Writer?: new (stream: WritableStream<T>, end: WritableEnd<T>) => EndWriter<T>;
  /** Whether a chunk would wait in the sink: pipes ask for none, however old it would grow, until the end is woken. */
  readonly isFull?: boolean;
  /** Milliseconds until a chunk that it takes now arrives where its age counts; none: at once. */
  readonly transitMs?: number;
  /** A stage in front of another end, if chunks need not come by way of `put()`. */
  readonly relay?: Relay | undefined;
  /** A chunk waits natively, in front of the sink: nobody but its producer bounds how many do. */
  waits?(chunk: T): void;
  /** There is no more to come. Called once, after every chunk was taken and every promise settled. */
  close(): void | PromiseLike<void>;
  /** The producer gave up: at once, whatever is in flight. */
  abort(reason: unknown): void | PromiseLike<void>;
}

/** What makes one chunk of another, or none. */
export interface Stepper<In, Out> {
  /** Whether no chunk is under way. */
  readonly isIdle: boolean;
  /** What becomes of `chunk`: `EMPTY` for nothing, or nothing yet. Throws what the user's code throws. */
  step(chunk: In): Out | typeof EMPTY;
  /** The write that the last `step()` began, while it is not over; asked for once. */
  takeWritten(): Promise<void> | undefined;
}

/** A stage as one sees it who carries chunks through it, whatever they are. */
export interface Relay {
  readonly stepper: Stepper<unknown, unknown>;
  /** Whether a chunk that goes through overtakes none. */
  readonly isIdle: boolean;
  /** Whether its mark lets it keep one more chunk that nobody wants yet. */
  readonly hasRoom: boolean;
  readonly readable: ReadableEnd<unknown>;
  /** Hands on what `step()` gave; may throw what a strategy's `size` throws. */
  emit(chunk: unknown): void;
  /** Errors both sides. */
  fail(reason: unknown): void;
}
