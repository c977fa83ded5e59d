import { EMPTY, type Source } from "./protocol.ts";
import { type Pump, pump, readPipeOptions } from "./pump.ts";
import { WritableEnd } from "./writable-end.ts";

/** A `ReadableStream` in front of a {@link Source}; its native queue stays empty. */
export class ReadableEnd<T> {
  readonly source: Source<T>;
  readonly stream: ReadableStream<T>;
  #controller!: ReadableStreamDefaultController<T>;
  #pump: Pump<T> | undefined;
  #wanted = false;
  #taking = false;
  #closesAfter = false;
  #state: "readable" | "closed" | "errored" = "readable";
  #reason: unknown;

  constructor(source: Source<T>) {
    this.source = source;
    this.stream = new EndReadable(this, {
      start: (controller) => {
        this.#controller = controller;
      },
      pull: () => {
        this.#wanted = true;
        this.#deliver();
      },
      cancel: (reason) => {
        this.#state = "closed";
        return source.cancel(reason);
      },
    });
  }

  /** The end behind one of our readables. */
  static of<T>(stream: ReadableStream<T>): ReadableEnd<T> | undefined {
    return EndReadable.end(stream);
  }

  get state(): "readable" | "closed" | "errored" {
    return this.#state;
  }

  /** Why it errored. */
  get reason(): unknown {
    return this.#reason;
  }

  /** Chunks that a reader asked for and left behind when it released its lock. */
  get backlog(): number {
    return -(this.#controller.desiredSize ?? 0);
  }

  /** Whether a chunk that comes now is passed on at once. */
  get isWanted(): boolean {
    return this.#pump ? this.#pump.isClear : this.#wanted;
  }

  /** Passes on a chunk while nothing waits before it; `false` leaves it with the source. */
  push(chunk: T): boolean {
    if (this.#pump) {
      if (!this.#pump.isClear) return false;
      this.#pump.push(chunk);
      return true;
    }
    if (!this.#wanted || this.#taking || this.#state !== "readable") return false;
    this.#wanted = false;
    this.#controller.enqueue(chunk);
    return true;
  }

  /** The source has a chunk again. */
  wake(): void {
    if (this.#pump) this.#pump.wakeSource();
    else this.#deliver();
  }

  /** The source has given its last chunk, or gives it now. */
  close(): void {
    if (this.#state !== "readable") return;
    if (this.#taking) {
      this.#closesAfter = true;
      return;
    }
    this.#state = "closed";
    this.#controller.close();
    this.#pump?.sourceClosed();
  }

  /** The source failed; readers learn `reason` at once. */
  error(reason: unknown): void {
    if (this.#state !== "readable") return;
    this.#state = "errored";
    this.#reason = reason;
    this.#controller.error(reason);
    this.#pump?.sourceErrored(reason);
  }

  /** A pump takes from the source now, not the native queue. */
  attach(to: Pump<T> | undefined): void {
    this.#pump = to;
    this.#wanted = false;
  }

  #deliver(): void {
    if (!this.#wanted || this.#taking) return;
    this.#taking = true;
    const chunk = this.source.take();
    this.#taking = false;
    if (chunk !== EMPTY && this.#state === "readable") {
      this.#wanted = false;
      this.#controller.enqueue(chunk);
    }
    if (this.#closesAfter) this.close();
  }
}

class EndReadable<T> extends ReadableStream<T> {
  readonly #end: ReadableEnd<T>;

  constructor(end: ReadableEnd<T>, source: UnderlyingDefaultSource<T>) {
    super(source, { highWaterMark: 0 });
    this.#end = end;
  }

  static end<T>(stream: ReadableStream<T>): ReadableEnd<T> | undefined {
    return #end in stream ? (stream.#end as ReadableEnd<unknown> as ReadableEnd<T>) : undefined;
  }

  override pipeTo(destination: WritableStream<T>, options?: StreamPipeOptions): Promise<void> {
    const into = WritableEnd.of(destination);
    if (!into || this.locked || destination.locked) return super.pipeTo(destination, options);
    try {
      const read = readPipeOptions(options);
      return read ? pump(this.#end, into, read) : super.pipeTo(destination, options);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  override pipeThrough<Out>(
    pair: ReadableWritablePair<Out, T>,
    options?: StreamPipeOptions,
  ): ReadableStream<Out> {
    const { readable, writable } = pair;
    const isOurs = WritableEnd.of(writable) && readable instanceof ReadableStream;
    const isFree = isOurs && !this.locked && !writable.locked;
    const read = isFree ? readPipeOptions(options) : undefined;
    if (!read) return super.pipeThrough({ readable, writable }, options);
    this.pipeTo(writable, read as StreamPipeOptions).catch(() => {});
    return readable;
  }
}
