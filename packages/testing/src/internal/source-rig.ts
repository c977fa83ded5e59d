import type { ContractSource } from "../source-contract.ts";
import { fail, fulfils } from "./claims.ts";
import { Order } from "./order.ts";
import { Promises } from "./promises.ts";

/** Holds a readable, what is behind it, and every promise it gave out. */
export class SourceRig<T, Out> extends Promises {
  readonly readable: ReadableStream<Out>;
  readonly origin: ContractSource<T, Out>["origin"];
  /** The chunks that may be taken from the origin with nobody reading. */
  readonly limit: number;
  readonly order: Order<T, Out>;

  constructor(source: ContractSource<T, Out>) {
    super();
    this.readable = source.readable;
    this.origin = source.origin;
    this.limit = source.maxHeldChunks ?? 64;
    this.order = new Order(source.origin.sent, source.equals);
  }

  reader(): ReadableStreamDefaultReader<Out> {
    return this.readerOf(this.readable);
  }

  /** Reads the chunk whose turn it is. */
  async read(reader: ReadableStreamDefaultReader<Out>): Promise<void> {
    const index = this.order.received;
    const result = await fulfils(this.track(`read ${index}`, reader.read()), `read ${index}`);
    if (result.done) fail(`Cannot read chunk ${index}: the readable closed`);
    this.order.expect(result.value);
  }

  /** Reads until the readable closes, which may not be before everything has come. */
  async readToEnd(reader: ReadableStreamDefaultReader<Out>): Promise<void> {
    for (;;) {
      const { done, value } = await fulfils(this.track("a read", reader.read()), "a read");
      if (done) return this.order.expectAll();
      this.order.expect(value);
    }
  }

  /** Checks that no more was taken from the origin than is read, held, or taken by `others`. */
  holds(others: number, when: string): void {
    const { length } = this.origin.sent;
    const allowed = this.order.received + this.limit + others;
    if (length <= allowed) return;
    fail(`Cannot hold the origin: it gave ${length} chunks ${when} and the limit is ${allowed}`);
  }
}
