import type { ContractPair } from "../contract-pair.ts";
import { scriptedSource, type ScriptedSource, type SourceStep } from "../scripted-source.ts";
import { fail, fulfils } from "./claims.ts";
import { fill } from "./fill.ts";
import { Order } from "./order.ts";
import { Promises } from "./promises.ts";

/** Whether pipes join the pair and its ends as they are, or through a stream of the platform. */
export type Via = "direct" | "foreign";

/** What a native `TransformStream` with nothing to do holds. */
const FOREIGN_HELD = 2;

/** The write that a native sink works on. */
const SINK_HELD = 1;

/** Holds both ends of a pair and every promise it gave out. */
export class Rig<In, Out> extends Promises {
  readonly pair: ContractPair<In, Out>;
  /** The chunks that may be pulled for one pipe into the pair, nobody reading. */
  readonly limit: number;
  /** The chunks that may be pulled for a pipe into the pair and one out of it, the sink taking none. */
  readonly chainLimit: number;
  readonly #via: Via;
  readonly #sent: In[] = [];
  readonly #order: Order<In, Out>;

  constructor(pair: ContractPair<In, Out>, via: Via) {
    super();
    this.pair = pair;
    const foreign = via === "foreign" ? FOREIGN_HELD : 0;
    this.limit = (pair.maxHeldChunks ?? 64) + foreign;
    this.chainLimit = this.limit + foreign + SINK_HELD;
    this.#via = via;
    this.#order = new Order(this.#sent, pair.equals);
  }

  writer(): WritableStreamDefaultWriter<In> {
    return this.writerOf(this.pair.writable);
  }

  reader(): ReadableStreamDefaultReader<Out> {
    return this.readerOf(this.pair.readable);
  }

  write(writer: WritableStreamDefaultWriter<In>): Promise<void> {
    return this.track(`write ${this.#sent.length}`, writer.write(this.#next()));
  }

  /** Writes while `ready` says so, and once more. */
  fill(writer: WritableStreamDefaultWriter<In>): Promise<void> {
    return fill(writer, this.limit, () => this.write(writer));
  }

  /** Reads the chunk whose turn it is. */
  async read(reader: ReadableStreamDefaultReader<Out>): Promise<void> {
    const index = this.#order.received;
    const result = await fulfils(this.track(`read ${index}`, reader.read()), `read ${index}`);
    if (result.done) fail(`Cannot read chunk ${index}: the readable closed`);
    this.expect(result.value);
  }

  async readAll(reader: ReadableStreamDefaultReader<Out>): Promise<void> {
    while (this.#order.received < this.#sent.length) await this.read(reader);
  }

  async readEnd(reader: ReadableStreamDefaultReader<Out>): Promise<void> {
    const { done } = await fulfils(this.track("the last read", reader.read()), "the last read");
    if (!done) fail("Cannot close the readable: a chunk came that was never written");
    this.expectAll();
  }

  expect(received: Out): void {
    this.#order.expect(received);
  }

  expectAll(): void {
    this.#order.expectAll();
  }

  /** Makes a source that gives `count` chunks when asked, then does the rest of its script. */
  source(count: number, ...rest: SourceStep<In>[]): ScriptedSource<In> {
    return scriptedSource([{ chunks: this.#take(count) }, ...rest]);
  }

  /** The end of a source that is piped from. */
  from({ readable }: ScriptedSource<In>): ReadableStream<In> {
    const own = this.pair.wrapSource?.(readable) ?? readable;
    return this.#via === "foreign" ? own.pipeThrough(new TransformStream<In, In>()) : own;
  }

  pipeIn(source: ScriptedSource<In>): Promise<void> {
    return this.track("the pipe in", this.from(source).pipeTo(this.pair.writable));
  }

  pipeOut(sink: { readonly writable: WritableStream<Out> }): Promise<void> {
    const { readable, wrapSink } = this.pair;
    const from =
      this.#via === "foreign" ? readable.pipeThrough(new TransformStream<Out, Out>()) : readable;
    return this.track("the pipe out", from.pipeTo(wrapSink?.(sink.writable) ?? sink.writable));
  }

  *#take(count: number): Generator<In> {
    for (let taken = 0; taken < count; taken += 1) yield this.#next();
  }

  #next(): In {
    const chunk = this.pair.chunk(this.#sent.length);
    this.#sent.push(chunk);
    return chunk;
  }
}
