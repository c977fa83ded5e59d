import { findJoint } from "./joint.ts";
import { EMPTY, type Source } from "./protocol.ts";
import type { Pump } from "./pump.ts";

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
    this.stream = new EndReadable(this);
  }

  /** The end behind one of our readables. */
  static of<T>(stream: ReadableStream<T>): ReadableEnd<T> | undefined {
    return EndReadable.end(stream);
  }

  get state(): "readable" | "closed" | "errored" {
    return this.#state;
  }

  /** What takes from the source, while something pipes it. */
  get pump(): Pump<T> | undefined {
    return this.#pump;
  }

  /** Why it errored. */
  get reason(): unknown {
    return this.#reason;
  }

  /** Chunks that a reader asked for and left behind when it released its lock. */
  get backlog(): number {
    return -(this.#controller.desiredSize ?? 0);
  }

  /** Milliseconds until a chunk given now arrives, as far as those know that it is piped to. */
  get transitMs(): number {
    return this.#pump?.into.sink.transitMs ?? 0;
  }

  /** Whether a chunk that comes now is passed on at once. */
  get isWanted(): boolean {
    return this.#pump ? this.#pump.isWanting : this.#wanted;
  }

  // The platform's calls: the end is its source, as closures for each would take more memory than the end.

  start(controller: ReadableStreamDefaultController<T>): void {
    this.#controller = controller;
  }

  pull(): void {
    this.#wanted = true;
    this.#deliver();
  }

  cancel(reason: unknown): void | PromiseLike<void> {
    this.#state = "closed";
    return this.source.cancel(reason);
  }

  /** Passes on a chunk while nothing waits before it; `false` leaves it with the source. */
  push(chunk: T): boolean {
    if (this.#pump) return this.#pump.push(chunk);
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
    if (!this.#wanted || this.#taking || this.#state !== "readable") return;
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

  constructor(end: ReadableEnd<T>) {
    super(end, { highWaterMark: 0 });
    this.#end = end;
  }

  static end<T>(stream: ReadableStream<T>): ReadableEnd<T> | undefined {
    const given: object = Object(stream);
    return #end in given ? (given.#end as ReadableEnd<unknown> as ReadableEnd<T>) : undefined;
  }

  override pipeTo(destination: WritableStream<T>, options?: StreamPipeOptions): Promise<void> {
    const piped = findJoint()?.pipeTo(this, destination, options);
    return piped ?? super.pipeTo(destination, options);
  }

  override pipeThrough<Out>(
    pair: ReadableWritablePair<Out, T>,
    options?: StreamPipeOptions,
  ): ReadableStream<Out> {
    const readable = findJoint()?.pipeThrough(this, pair, options);
    return readable ?? super.pipeThrough(pair, options);
  }
}
