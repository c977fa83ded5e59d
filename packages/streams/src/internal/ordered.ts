import { checkNumber } from "../options.ts";
import { Fifo } from "./fifo.ts";
import { isPromiseLike } from "./promise.ts";
import { type Stage, type StageOptions, type StageOutput, stage } from "./stage.ts";

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

/**
 * Makes a stage that calls `work` once for each chunk and hands what it gives to `deliver`, in the
 * order of the chunks. A result that is no promise costs none.
 */
export function ordered<In, Result, Out>(
  options: StageOptions<In, Out> & ConcurrencyOptions,
  work: (chunk: In) => Result | PromiseLike<Result>,
  deliver: (result: Result, chunk: In, output: StageOutput<Out>) => void,
): Stage<In, Out> {
  const concurrency = checkNumber("concurrency", options.concurrency, 1, { min: 1, integer: true });
  return stage<In, Out>(options, (output) => {
    /** Chunks that are worked on, or wait for one that is. */
    const slots = new Fifo<Slot<In, Result>>();
    let onIdle: (() => void) | undefined;

    const settle = (): void => {
      while (slots.length > 0 && slots.front.result) {
        const { chunk, result } = slots.shift();
        deliver((result as { value: Result }).value, chunk, output);
      }
      if (slots.length === 0) onIdle?.();
      output.wake();
    };

    const wait = (chunk: In, working: PromiseLike<Result>): Promise<void> => {
      const slot: Slot<In, Result> = { chunk, result: undefined };
      slots.push(slot);
      const settled = Promise.resolve(working).then((value) => {
        slot.result = { value };
        settle();
      });
      settled.catch((error: unknown) => output.fail(error));
      return settled;
    };

    return {
      put: (chunk) => {
        if (!output.isWanted || slots.length >= concurrency) return false;
        const result = work(chunk);
        if (isPromiseLike(result)) {
          const settled = wait(chunk, result);
          return concurrency === 1 ? settled : true;
        }
        if (slots.length === 0) deliver(result, chunk, output);
        else slots.push({ chunk, result: { value: result } });
        return true;
      },
      flush: () => {
        if (slots.length === 0) return undefined;
        return new Promise<void>((resolve) => {
          onIdle = resolve;
        });
      },
    };
  });
}
