import type { MessageChunk } from "../frame.ts";
import { type Deferred, deferred, ignore } from "./deferred.ts";
import type { Outbox } from "./outbox.ts";

/** How a lane ends. */
export interface LaneHost {
  /** The producer will write no more; what it has written may still wait. */
  closing?(): void;
  /** Everything written has left; resolves when the lane counts as closed. */
  closed(lane: Lane): Promise<void> | undefined;
  /** The producer gave up. */
  aborted(lane: Lane, reason: unknown): void;
}

/** One writable of a connection: its stream, its place in the send account, its backpressure. */
export class Lane {
  readonly stream: WritableStream<MessageChunk>;
  readonly priority: number;
  readonly #highWaterMark: number;
  readonly #outbox: Outbox;
  readonly #host: LaneHost;
  #controller!: WritableStreamDefaultController;
  /** Wire bytes written and not yet handed to the socket. */
  queued = 0;
  #admitted = 0;
  #handled = 0;
  #flushed: { readonly upTo: number; readonly done: () => void } | undefined;
  #ready: Deferred<void> | undefined;
  #state: "open" | "closing" | "closed" | "errored" = "open";

  constructor(outbox: Outbox, priority: number, highWaterMark: number, host: LaneHost) {
    this.#outbox = outbox;
    this.priority = priority;
    this.#highWaterMark = highWaterMark;
    this.#host = host;
    this.stream = new LaneStream(
      this,
      {
        start: (controller) => {
          this.#controller = controller;
          const { signal } = controller;
          signal.addEventListener("abort", () => this.#abort(signal.reason));
        },
        write: (chunk) => this.#write(chunk),
        close: () => {
          this.#state = "closed";
          return host.closed(this);
        },
      },
      // The mark is one chunk, so that a stage's policy decides what is dropped, not this queue;
      // `size` is the one place that sees every write, by our writer, a native one or `pipeTo`.
      { highWaterMark: 1, size: (chunk) => this.#admit(chunk) },
    );
    outbox.add(this);
  }

  /** Wire bytes a producer may write now; 0 or less: wait. */
  get room(): number {
    if (this.#state === "closed") return 0;
    return Math.min(this.#outbox.account.room, this.#highWaterMark - this.queued);
  }

  /** Messages written and not yet handed to the socket. */
  get waiting(): number {
    return this.#admitted - this.#handled;
  }

  /** Resolves when there is room; pending while there is none, rejected after an error. */
  get ready(): Promise<void> {
    if (this.#isReady()) return READY;
    this.#ready ??= deferred();
    return this.#ready.promise;
  }

  /** Settles `ready` when there is room. */
  update(): void {
    if (!this.#ready || !this.#isReady()) return;
    this.#ready.resolve();
    this.#ready = undefined;
  }

  /** No more will be written: nobody may wait for room any longer. */
  closing(): void {
    if (this.#state !== "open") return;
    this.#state = "closing";
    this.update();
    this.#host.closing?.();
  }

  /** Calls `done` once everything written so far has been handed to the socket. */
  whenFlushed(done: () => void): void {
    if (this.#handled >= this.#admitted) done();
    else this.#flushed = { upTo: this.#admitted, done };
  }

  /** Errors the stream at once, whatever is in flight; a stream that has closed stays so. */
  fail(error: unknown): void {
    if (this.#state === "errored" || this.#state === "closed") return;
    this.#state = "errored";
    this.#controller.error(error);
    this.#ready?.reject(error);
    this.#ready = undefined;
    this.#flushed?.done();
    this.#flushed = undefined;
  }

  #isReady(): boolean {
    return this.#state !== "open" || this.room > 0;
  }

  #admit(chunk: MessageChunk): number {
    if (this.#state === "open") {
      this.#admitted++;
      // Before the account changes, since that tells this lane.
      const bytes = this.#outbox.admit(chunk, this);
      if (bytes === 0) this.#admitted--;
    }
    return 1;
  }

  #write(chunk: MessageChunk): Promise<void> | undefined {
    const sent = this.#outbox.write(this, chunk);
    if (!sent) {
      this.#handle();
      return undefined;
    }
    return sent.then(() => this.#handle());
  }

  #handle(): void {
    this.#handled++;
    if (!this.#flushed || this.#handled < this.#flushed.upTo) return;
    const { done } = this.#flushed;
    this.#flushed = undefined;
    done();
  }

  #abort(reason: unknown): void {
    this.#ready?.reject(reason);
    this.#ready = undefined;
    if (this.#state === "errored") return;
    this.#state = "errored";
    this.#host.aborted(this, reason);
  }
}

const READY = Promise.resolve();

/** A real WritableStream whose writer speaks bytes of the whole connection. */
class LaneStream extends WritableStream<MessageChunk> {
  readonly #lane: Lane;

  constructor(
    lane: Lane,
    sink: UnderlyingSink<MessageChunk>,
    strategy: QueuingStrategy<MessageChunk>,
  ) {
    super(sink, strategy);
    this.#lane = lane;
  }

  override getWriter(): WritableStreamDefaultWriter<MessageChunk> {
    return new LaneWriter(this, this.#lane);
  }
}

/** Holds the native lock; `desiredSize` and `ready` are those of the connection, in bytes. */
class LaneWriter extends WritableStreamDefaultWriter<MessageChunk> {
  readonly #lane: Lane;
  #locked = true;

  constructor(stream: WritableStream<MessageChunk>, lane: Lane) {
    super(stream);
    this.#lane = lane;
  }

  override get desiredSize(): number | null {
    const native = super.desiredSize;
    return native === null ? null : this.#lane.room;
  }

  override get ready(): Promise<undefined> {
    const ready = this.#locked && super.desiredSize !== null ? this.#lane.ready : super.ready;
    return ready as Promise<undefined>;
  }

  /** Rejections stay observable, but one that nobody handles does not end the process. */
  override write(chunk: MessageChunk): Promise<void> {
    let written;
    try {
      written = super.write(chunk);
    } catch (error) {
      // Node 20 throws instead of rejecting when the stream has closed.
      written = Promise.reject(error);
    }
    written.catch(ignore);
    return written;
  }

  override close(): Promise<void> {
    const closed = super.close();
    closed.catch(ignore);
    this.#lane.closing();
    return closed;
  }

  override abort(reason?: unknown): Promise<void> {
    const aborted = super.abort(reason);
    aborted.catch(ignore);
    return aborted;
  }

  override releaseLock(): void {
    this.#locked = false;
    super.releaseLock();
  }
}
