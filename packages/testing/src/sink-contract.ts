import type { ContractCase } from "./contract-case.ts";
import { sinkCases } from "./internal/contract/sink-cases.ts";
import { SinkRig } from "./internal/sink-rig.ts";
import type { SinkEnd } from "./scripted-sink.ts";

/** What stands behind a writable; a {@link ScriptedSink} has all of it. */
export interface SinkTarget<T> {
  /** The chunks that reached it, in order. */
  readonly chunks: readonly T[];
  /** Settles with how it ended. */
  readonly ended: Promise<SinkEnd>;
  /** Takes nothing more, until `release()`. */
  stall(): void;
  /** Goes on after a stall. */
  release(): void;
  /** Fails, with this reason. */
  error(reason: unknown): void;
}

/** A writable, what stands behind it, and how to feed it. */
export interface ContractSink<T, Out = T> {
  readonly writable: WritableStream<T>;
  readonly target: SinkTarget<Out>;
  /** Makes the chunk to write as number `index`, from 0. */
  readonly chunk: (index: number) => T;
  /**
   * Tells whether a chunk that reached the target is the chunk written.
   *
   * @defaultValue `Object.is`
   */
  readonly equals?: ((received: Out, sent: T) => boolean) | undefined;
  /**
   * The most chunks it may ask for while the target takes none.
   *
   * @defaultValue `64`
   */
  readonly maxHeldChunks?: number | undefined;
}

/**
 * Lists what a writable that loses nothing must do: take chunks in order, hold its producer while
 * what is behind stalls, close behind what it holds, hand on errors and aborts with the very reason,
 * and settle every promise it gave out, a held write and a held close among them.
 *
 * Backpressure: more than `maxHeldChunks` asked for while the target takes none breaks it.
 *
 * @param make - makes a fresh writable with a target that takes everything; called once a case
 * @returns the cases, for any runner
 * @see https://streams.spec.whatwg.org/#ws-model
 *
 * @example
 * ```ts
 * import { test } from "node:test";
 * import { scriptedSink, sinkContract } from "@spillway/testing";
 *
 * const cases = sinkContract(() => {
 *   const target = scriptedSink<number>();
 *   return { writable: target.writable, target, chunk: (index) => index, maxHeldChunks: 1 };
 * });
 * for (const { name, run } of cases) test(name, run);
 * ```
 */
export function sinkContract<T, Out = T>(
  make: () => ContractSink<T, Out>,
): readonly ContractCase[] {
  return Object.entries(sinkCases<T, Out>()).map(([name, behave]) => ({
    name,
    run: async () => {
      const rig = new SinkRig(make());
      await behave(rig);
      await rig.done();
    },
  }));
}
