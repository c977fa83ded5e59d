import type { ContractCase } from "./contract-case.ts";
import { sourceCases } from "./internal/contract/source-cases.ts";
import { SourceRig } from "./internal/source-rig.ts";
import type { SourceEnd } from "./scripted-source.ts";

/** What stands behind a readable; a {@link ScriptedSource} has all of it. */
export interface SourceOrigin<T> {
  /** The chunks it gave so far, in order. It gives more for as long as it is asked. */
  readonly sent: readonly T[];
  /** Settles with how it ended. */
  readonly ended: Promise<SourceEnd>;
  /** Closes behind what it gave. */
  close(): void;
  /** Breaks, with this reason. */
  error(reason: unknown): void;
}

/** A readable, and what stands behind it. */
export interface ContractSource<T, Out = T> {
  readonly readable: ReadableStream<Out>;
  readonly origin: SourceOrigin<T>;
  /**
   * Tells whether a chunk read is the chunk that the origin gave.
   *
   * @defaultValue `Object.is`
   */
  readonly equals?: ((received: Out, sent: T) => boolean) | undefined;
  /**
   * The most chunks it may ask for while nobody reads.
   *
   * @defaultValue `64`
   */
  readonly maxHeldChunks?: number | undefined;
}

/**
 * Lists what a readable that loses nothing must do: give chunks in order, ask for more only when it
 * is read, close behind what it holds, hand on errors and cancels with the very reason, and settle
 * every promise it gave out.
 *
 * Backpressure: more than `maxHeldChunks` taken from the origin with nobody reading, or with a sink
 * that stalls, breaks it.
 *
 * @param make - makes a fresh readable with an origin that gives for as long as it is asked; called
 * once a case
 * @returns the cases, for any runner
 * @see https://streams.spec.whatwg.org/#rs-model
 *
 * @example
 * ```ts
 * import { test } from "node:test";
 * import { scriptedSource, sourceContract } from "@spillway/testing";
 *
 * function* numbers(): Generator<number> {
 *   for (let number = 0; ; number += 1) yield number;
 * }
 *
 * const cases = sourceContract(() => {
 *   const origin = scriptedSource([{ chunks: numbers() }]);
 *   const readable = origin.readable.pipeThrough(new TransformStream<number, number>());
 *   return { readable, origin, maxHeldChunks: 2 };
 * });
 * for (const { name, run } of cases) test(name, run);
 * ```
 */
export function sourceContract<T, Out = T>(
  make: () => ContractSource<T, Out>,
): readonly ContractCase[] {
  return Object.entries(sourceCases<T, Out>()).map(([name, behave]) => ({
    name,
    run: async () => {
      const rig = new SourceRig(make());
      await behave(rig);
      await rig.done();
    },
  }));
}
