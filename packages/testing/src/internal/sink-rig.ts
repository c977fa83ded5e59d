import { scriptedSource, type ScriptedSource, type SourceStep } from "../scripted-source.ts";
import type { ContractSink } from "../sink-contract.ts";
import { fill } from "./fill.ts";
import { Order } from "./order.ts";
import { Promises } from "./promises.ts";

/** Holds a writable, what is behind it, and every promise it gave out. */
export class SinkRig<T, Out> extends Promises {
  readonly sink: ContractSink<T, Out>;
  readonly target: ContractSink<T, Out>["target"];
  /** The chunks that may be asked for with the target taking none. */
  readonly limit: number;
  readonly #sent: T[] = [];

  constructor(sink: ContractSink<T, Out>) {
    super();
    this.sink = sink;
    this.target = sink.target;
    this.limit = sink.maxHeldChunks ?? 64;
  }

  writer(): WritableStreamDefaultWriter<T> {
    return this.writerOf(this.sink.writable);
  }

  write(writer: WritableStreamDefaultWriter<T>): Promise<void> {
    return this.track(`write ${this.#sent.length}`, writer.write(this.#next()));
  }

  /** Stalls the target, then writes while `ready` says so, and once more. */
  stall(writer: WritableStreamDefaultWriter<T>): Promise<void> {
    this.target.stall();
    return fill(writer, this.limit, () => this.write(writer));
  }

  /** Makes a source that gives `count` chunks when asked, then does the rest of its script. */
  source(count: number, ...rest: SourceStep<T>[]): ScriptedSource<T> {
    return scriptedSource([{ chunks: this.#take(count) }, ...rest]);
  }

  /** Checks that everything written has reached the target, in order. */
  expectAll(): void {
    const order = new Order(this.#sent, this.sink.equals);
    for (const chunk of this.target.chunks) order.expect(chunk);
    order.expectAll();
  }

  *#take(count: number): Generator<T> {
    for (let taken = 0; taken < count; taken += 1) yield this.#next();
  }

  #next(): T {
    const chunk = this.sink.chunk(this.#sent.length);
    this.#sent.push(chunk);
    return chunk;
  }
}
