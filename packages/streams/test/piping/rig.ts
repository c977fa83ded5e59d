import { settle } from "@spillway/testing";
import { expect } from "vitest";
import { EMPTY, pumped, ReadableEnd, type Source } from "../../src/ends.ts";
import { bounded, fromIterable, map, sink } from "../../src/index.ts";

/** A source that a test leads, chunk by chunk. */
export interface Origin {
  readonly readable: ReadableStream<unknown>;
  enqueue(...chunks: unknown[]): void;
  close(): void;
  error(reason: unknown): void;
  /** What it was cancelled with. */
  readonly cancels: unknown[];
}

type Cancel = (reason: unknown) => void | PromiseLike<void>;

function native(cancel?: Cancel): Origin {
  const cancels: unknown[] = [];
  let controller!: ReadableStreamDefaultController<unknown>;
  const readable = new ReadableStream<unknown>(
    {
      start: (given) => {
        controller = given;
      },
      cancel: (reason) => {
        cancels.push(reason);
        return cancel?.(reason);
      },
    },
    { highWaterMark: 0 },
  );
  return {
    readable,
    cancels,
    enqueue: (...chunks) => {
      for (const chunk of chunks) controller.enqueue(chunk);
    },
    close: () => controller.close(),
    error: (reason) => controller.error(reason),
  };
}

function end(cancel?: Cancel): Origin {
  const cancels: unknown[] = [];
  const queue: unknown[] = [];
  let isClosing = false;
  const source: Source<unknown> = {
    take: () => {
      const chunk = queue.length > 0 ? queue.shift() : EMPTY;
      if (isClosing && queue.length === 0) own.close();
      return chunk;
    },
    cancel: (reason) => {
      cancels.push(reason);
      return cancel?.(reason);
    },
  };
  const own: ReadableEnd<unknown> = new ReadableEnd(source);
  return {
    readable: own.stream,
    cancels,
    enqueue: (...chunks) => {
      for (const chunk of chunks) {
        if (queue.length > 0 || !own.push(chunk)) queue.push(chunk);
      }
      own.wake();
    },
    close: () => {
      isClosing = true;
      if (queue.length === 0) own.close();
    },
    error: (reason) => own.error(reason),
  };
}

/** A pair that a writer feeds; its writable errors with what the readable was cancelled with. */
function fed({ readable, writable }: ReadableWritablePair<unknown, unknown>): Origin {
  const cancels: unknown[] = [];
  const writer = writable.getWriter();
  let isAborted = false;
  writer.ready.catch(() => {});
  writer.closed.catch((reason: unknown) => {
    if (!isAborted) cancels.push(reason);
  });
  return {
    readable,
    cancels,
    enqueue: (...chunks) => {
      for (const chunk of chunks) writer.write(chunk).catch(() => {});
    },
    close: () => void writer.close().catch(() => {}),
    error: (reason) => {
      isAborted = true;
      writer.abort(reason).catch(() => {});
    },
  };
}

/** An iterator that a test leads; it tells of its end only when it is asked. */
function iterable(cancel?: Cancel): Origin {
  const cancels: unknown[] = [];
  type Answer = (asked: PromiseWithResolvers<IteratorResult<unknown>>) => void;
  const answers: Answer[] = [];
  const asks: PromiseWithResolvers<IteratorResult<unknown>>[] = [];
  const answer = (next: Answer): void => {
    const asked = asks.shift();
    if (asked) next(asked);
    else answers.push(next);
  };
  const readable = fromIterable<unknown>({
    [Symbol.asyncIterator]: () => ({
      next: () => {
        const asked = withResolvers<IteratorResult<unknown>>();
        const next = answers.shift();
        if (next) next(asked);
        else asks.push(asked);
        return asked.promise;
      },
      return: async (reason) => {
        cancels.push(reason);
        await cancel?.(reason);
        return { done: true, value: undefined };
      },
    }),
  });
  return {
    readable,
    cancels,
    enqueue: (...chunks) => {
      for (const value of chunks) answer((asked) => asked.resolve({ done: false, value }));
    },
    close: () => answer((asked) => asked.resolve({ done: true, value: undefined })),
    error: (reason) => answer((asked) => asked.reject(reason)),
  };
}

interface PromiseWithResolvers<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (reason: unknown) => void;
}

export function withResolvers<T = void>(): PromiseWithResolvers<T> {
  let [resolve, reject]: unknown[] = [];
  const promise = new Promise<T>((...settlers) => {
    [resolve, reject] = settlers;
  });
  return { promise, resolve, reject } as PromiseWithResolvers<T>;
}

/** Sources, those of the platform first. */
export const ORIGINS = {
  native,
  end,
  bounded: () => fed(bounded<unknown>()),
  map: () => fed(map((chunk: unknown) => chunk)),
  iterable,
};

/** How a sink that a test watches is made. */
export interface DrainOptions extends UnderlyingSink<unknown> {
  readonly highWaterMark?: number | undefined;
  readonly size?: (chunk: unknown) => number;
  /** Each write waits until it is let go. */
  readonly isSlow?: boolean | undefined;
}

export interface Drain {
  readonly writable: WritableStream<unknown>;
  /** What the sink was told: chunks, "close", and what it was aborted with. */
  readonly log: unknown[];
  /** Errors the sink from within. */
  error(reason: unknown): void;
  /** Lets the oldest write that waits go, or fail. */
  release(broken?: { readonly reason: unknown }): void;
  /** Writes that wait. */
  readonly held: number;
}

/** What an entry of {@link Drain.log} is: the sink was aborted with `reason`. */
interface Aborted {
  readonly aborted: unknown;
}

/** Sinks, those of the platform first. */
export const DRAINS = {
  native: (options: DrainOptions = {}) =>
    drain((underlying, strategy) => new WritableStream(underlying, strategy), options),
  sink: (options: DrainOptions = {}) => drain(sink, options),
};

function drain(
  make: (
    underlying: UnderlyingSink<unknown>,
    strategy: QueuingStrategy<unknown>,
  ) => WritableStream<unknown>,
  { highWaterMark = 1, size, isSlow, ...own }: DrainOptions,
): Drain {
  const log: unknown[] = [];
  const held: PromiseWithResolvers<void>[] = [];
  let controller!: WritableStreamDefaultController;
  const underlying: UnderlyingSink<unknown> = {
    start: (given) => {
      controller = given;
      return own.start?.(given) as void | PromiseLike<void>;
    },
    write: (chunk, given) => {
      log.push(chunk);
      if (!isSlow) return own.write?.(chunk, given);
      const write = withResolvers();
      held.push(write);
      return write.promise;
    },
    close: () => {
      log.push("close");
      return own.close?.();
    },
    abort: (reason) => {
      log.push({ aborted: reason } satisfies Aborted);
      return own.abort?.(reason);
    },
  };
  return {
    writable: make(underlying, { highWaterMark, ...(size && { size }) }),
    log,
    error: (reason) => controller.error(reason),
    release: (broken) => {
      const write = held.shift();
      if (!write) throw new Error("Cannot release: no write waits");
      if (broken) write.reject(broken.reason);
      else write.resolve();
    },
    get held() {
      return held.length;
    },
  };
}

/** A way from a source to a sink. */
export interface Route {
  readonly name: string;
  /** Whether both ends are ours. */
  readonly isPumped: boolean;
  readonly from: keyof typeof ORIGINS;
  readonly into: keyof typeof DRAINS;
  readonly origin: (cancel?: Cancel) => Origin;
  readonly drain: (options?: DrainOptions) => Drain;
}

function route(from: keyof typeof ORIGINS, into: keyof typeof DRAINS): Route {
  const isPumped = from !== "native" && into !== "native";
  const name = `${from} → ${into}`;
  return { name, isPumped, from, into, origin: ORIGINS[from], drain: DRAINS[into] };
}

/** Whether the platform's pipe rejects with what a last write was rejected with, against the Standard. */
export const REJECTS_LATE: boolean = !("document" in globalThis);

/** Every way; the platform's own streams show what the others must do. */
export const ROUTES: readonly Route[] = (["native", "end", "bounded", "map"] as const).flatMap(
  (from) => [route(from, "native"), route(from, "sink")],
);

/** Ways from a source whose `cancel` a test makes. */
export const CANCEL_ROUTES: readonly Route[] = (["native", "end", "iterable"] as const).flatMap(
  (from) => [route(from, "native"), route(from, "sink")],
);

/** Every way from a source that tells of its end when it is asked. */
export const ALL_ROUTES: readonly Route[] = [
  ...ROUTES,
  route("iterable", "native"),
  route("iterable", "sink"),
];

/** Asserts that what `run` did went through the pump where both ends are ours, and only there. */
export async function throughPump(
  { isPumped }: Pick<Route, "isPumped">,
  run: () => Promise<void>,
): Promise<void> {
  const before = pumped();
  await run();
  expect(pumped() > before).toBe(isPumped);
}

/** Pipes; that a test looks at the outcome late is no unhandled rejection. */
export function pipe<T>(
  readable: ReadableStream<T>,
  writable: WritableStream<T>,
  options?: StreamPipeOptions,
): Promise<void> {
  const piped = readable.pipeTo(writable, options);
  piped.catch(() => {});
  return piped;
}

/** How a promise stands once everything under way has run. */
export async function outcome(
  promise: Promise<unknown>,
): Promise<"pending" | "fulfilled" | { readonly rejected: unknown }> {
  let state: Awaited<ReturnType<typeof outcome>> = "pending";
  promise.then(
    () => {
      state = "fulfilled";
    },
    (rejected: unknown) => {
      state = { rejected };
    },
  );
  await settle();
  return state;
}

/** What a promise was rejected with; fails the test where it was not. */
export async function reasonOf(promise: Promise<unknown>): Promise<unknown> {
  const state = await outcome(promise);
  if (typeof state !== "object") throw new Error(`Cannot tell the reason: it is ${state}`);
  return state.rejected;
}

export function failure(message: string): Error {
  return Object.assign(new Error(message), { name: message });
}

/** What counts as true or false for an option. */
export const TRUTHY: readonly unknown[] = [true, "a", 1, Symbol("true"), {}];
export const FALSY: readonly unknown[] = [undefined, null, false, 0, -0, Number.NaN, ""];
