import type { ContractPair } from "../contract-pair.ts";
import { isSettled } from "../is-settled.ts";
import { fail, fulfils, settles } from "./claims.ts";
import { nextTurn } from "./clock.ts";

const STEADY_TURNS = 5;

/** A source of the pair's chunks that knows what was taken from it. */
export interface Source<T> {
  readonly stream: ReadableStream<T>;
  readonly sent: readonly T[];
  /** Settles with the reason of a cancel. */
  readonly cancelled: Promise<unknown>;
}

/** Holds both ends of a pair and every promise it gave out. */
export class Rig<In, Out> {
  readonly pair: ContractPair<In, Out>;
  readonly limit: number;
  readonly #given: { readonly what: string; readonly promise: Promise<unknown> }[] = [];
  #sent: In[] = [];
  #received = 0;

  constructor(pair: ContractPair<In, Out>) {
    this.pair = pair;
    this.limit = pair.maxHeldChunks ?? 64;
  }

  /** Notes a promise that has to settle before the case is over; a rejection is no crash. */
  track<T>(what: string, promise: Promise<T>): Promise<T> {
    promise.catch(() => {});
    this.#given.push({ what, promise });
    return promise;
  }

  writer(): WritableStreamDefaultWriter<In> {
    const writer = this.pair.writable.getWriter();
    void this.track("writer.ready", writer.ready);
    void this.track("writer.closed", writer.closed);
    return writer;
  }

  reader(): ReadableStreamDefaultReader<Out> {
    const reader = this.pair.readable.getReader();
    void this.track("reader.closed", reader.closed);
    return reader;
  }

  write(writer: WritableStreamDefaultWriter<In>): Promise<void> {
    const index = this.#sent.length;
    const chunk = this.pair.chunk(index);
    this.#sent.push(chunk);
    return this.track(`write ${index}`, writer.write(chunk));
  }

  /** Writes while `ready` says so, and once more; the last write is likely to be held. */
  async fill(writer: WritableStreamDefaultWriter<In>): Promise<void> {
    while (await isSettled(this.track("writer.ready", writer.ready))) {
      void this.write(writer);
      if (this.#sent.length > this.limit) {
        fail(
          `Cannot hold the producer: ${this.#sent.length} chunks were asked for with nobody reading and the limit is ${this.limit}`,
        );
      }
    }
    void this.write(writer);
  }

  /** Reads the chunk whose turn it is. */
  async read(reader: ReadableStreamDefaultReader<Out>): Promise<void> {
    const index = this.#received;
    const result = await fulfils(this.track(`read ${index}`, reader.read()), `read ${index}`);
    if (result.done) fail(`Cannot read chunk ${index}: the readable closed`);
    this.expect(result.value);
  }

  async readAll(reader: ReadableStreamDefaultReader<Out>): Promise<void> {
    while (this.#received < this.#sent.length) await this.read(reader);
  }

  /** Checks that this is the chunk whose turn it is. */
  expect(received: Out): void {
    const index = this.#received;
    const { equals = Object.is } = this.pair;
    if (index >= this.#sent.length) fail(`Cannot take chunk ${index}: it was never written`);
    if (!equals(received, this.#sent[index])) {
      fail(`Cannot keep the order: chunk ${index} is not what was written ${index}th`);
    }
    this.#received += 1;
  }

  /** Checks that nothing is missing. */
  expectAll(): void {
    if (this.#received === this.#sent.length) return;
    fail(`Cannot deliver all: got ${this.#received} chunks, want ${this.#sent.length}`);
  }

  /** Makes a source that gives `count` chunks when asked, then ends as told. */
  source(count: number, end: "close" | "hang" | { readonly reason: unknown }): Source<In> {
    const sent: In[] = [];
    this.#sent = sent;
    let onCancel: ((reason: unknown) => void) | undefined;
    const cancelled = new Promise<unknown>((resolve) => {
      onCancel = resolve;
    });
    const stream = new ReadableStream<In>(
      {
        pull: (controller) => {
          if (sent.length < count) {
            const chunk = this.pair.chunk(sent.length);
            sent.push(chunk);
            controller.enqueue(chunk);
          } else if (end === "close") controller.close();
          else if (end !== "hang") controller.error(end.reason);
        },
        cancel: (reason) => onCancel?.(reason),
      },
      { highWaterMark: 0 },
    );
    return { stream, sent, cancelled };
  }

  /** Waits until nothing more is pulled. */
  async steady({ sent }: Source<In>): Promise<void> {
    let before = -1;
    while (before !== sent.length) {
      before = sent.length;
      for (let turn = 0; turn < STEADY_TURNS; turn += 1) await nextTurn();
    }
  }

  /** Checks that no promise is left pending. */
  async done(): Promise<void> {
    for (const { what, promise } of this.#given) await settles(promise, what);
  }
}
