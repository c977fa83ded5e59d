import { checkNumber } from "../options.ts";
import { Fifo } from "./fifo.ts";
import { isPromiseLike } from "./promise.ts";
import { EMPTY, type Stepper } from "./protocol.ts";
import {
  type Stage,
  type StageLogic,
  type StageOptions,
  type StageOutput,
  stage,
} from "./stage.ts";

/** How many calls of an async function may be under way. */
export interface ConcurrencyOptions {
  /**
   * Chunks that an async function may work on at once; results keep the order of the chunks.
   *
   * @defaultValue `1`
   */
  readonly concurrency?: number | undefined;
}

interface Slot<In, Result> {
  readonly chunk: In;
  result: { readonly value: Result } | undefined;
}

/** The chunk that comes of a result, or `EMPTY`. */
type Select<In, Result, Out> = (result: Result, chunk: In) => Out | typeof EMPTY;

/**
 * Makes a stage that calls `work` once for each chunk and hands on what `select` makes of the result,
 * in the order of the chunks. A result that is no promise costs none.
 */
export function ordered<In, Result, Out>(
  options: StageOptions<In, Out> & ConcurrencyOptions,
  work: (chunk: In) => Result | PromiseLike<Result>,
  select: Select<In, Result, Out>,
): Stage<In, Out> {
  const concurrency = checkNumber("concurrency", options.concurrency, 1, { min: 1, integer: true });
  return stage<In, Out>(options, (output) => new Ordered(output, concurrency, work, select));
}

class Ordered<In, Result, Out> implements StageLogic<In, Out>, Stepper<In, Out> {
  readonly stepper = this;
  readonly #output: StageOutput<Out>;
  readonly #concurrency: number;
  readonly #work: (chunk: In) => Result | PromiseLike<Result>;
  readonly #select: Select<In, Result, Out>;
  /** Chunks that are worked on, or wait for one that is. */
  readonly #slots = new Fifo<Slot<In, Result>>();
  #written: Promise<void> | undefined;
  #onIdle: (() => void) | undefined;

  constructor(
    output: StageOutput<Out>,
    concurrency: number,
    work: (chunk: In) => Result | PromiseLike<Result>,
    select: Select<In, Result, Out>,
  ) {
    this.#output = output;
    this.#concurrency = concurrency;
    this.#work = work;
    this.#select = select;
  }

  get isIdle(): boolean {
    return this.#slots.length === 0;
  }

  put(chunk: In): boolean | Promise<void> {
    if (!this.#output.isWanted || this.#slots.length >= this.#concurrency) return false;
    const made = this.step(chunk);
    if (made !== EMPTY) this.#output.emit(made);
    return this.takeWritten() ?? true;
  }

  step(chunk: In): Out | typeof EMPTY {
    const work = this.#work;
    const result = work(chunk);
    if (isPromiseLike(result)) this.#wait(chunk, result);
    else if (this.#slots.length === 0) return this.#selected(result, chunk);
    else this.#slots.push({ chunk, result: { value: result } });
    return EMPTY;
  }

  takeWritten(): Promise<void> | undefined {
    const written = this.#written;
    this.#written = undefined;
    return written;
  }

  flush(): Promise<void> | undefined {
    if (this.isIdle) return undefined;
    return new Promise<void>((resolve) => {
      this.#onIdle = resolve;
    });
  }

  #wait(chunk: In, working: PromiseLike<Result>): void {
    const slot: Slot<In, Result> = { chunk, result: undefined };
    this.#slots.push(slot);
    const settled = Promise.resolve(working).then((value) => {
      slot.result = { value };
      this.#settle();
    });
    settled.catch((error: unknown) => this.#output.fail(error));
    if (this.#concurrency === 1) this.#written = settled;
  }

  #settle(): void {
    while (this.#slots.length > 0 && this.#slots.front.result) {
      const { chunk, result } = this.#slots.shift();
      const made = this.#selected((result as { value: Result }).value, chunk);
      if (made !== EMPTY) this.#output.emit(made);
    }
    if (this.isIdle) this.#onIdle?.();
    this.#output.wake();
  }

  #selected(result: Result, chunk: In): Out | typeof EMPTY {
    const select = this.#select;
    return select(result, chunk);
  }
}
