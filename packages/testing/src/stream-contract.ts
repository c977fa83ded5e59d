import type { ContractCase } from "./contract-case.ts";
import type { ContractPair } from "./contract-pair.ts";
import { checkOneOf } from "./internal/check.ts";
import { endings } from "./internal/contract/endings.ts";
import { flows } from "./internal/contract/flows.ts";
import { joints } from "./internal/contract/joints.ts";
import { pipes } from "./internal/contract/pipes.ts";
import { Rig } from "./internal/rig.ts";

/** Which way the contract pipes. */
export interface StreamContractOptions {
  /**
   * `"direct"`: every case, with the pair joined to its source and sink as they are. `"foreign"`: the
   * cases that pipe, with a native `TransformStream` between the pair and either, so that no two
   * streams of one library ever meet.
   *
   * @defaultValue `"direct"`
   */
  readonly via?: "direct" | "foreign" | undefined;
}

/**
 * Lists what a lossless stage of one chunk in, one chunk out must do: keep order, bound what it
 * pulls while nobody reads, carry close, abort, cancel and error to the other end, and settle every
 * promise it gave out.
 *
 * It is stricter than the standard in one place: aborting a writable whose write is held settles
 * that write at once, with nobody reading. A native `TransformStream` waits for a reader.
 *
 * Backpressure: more than `maxHeldChunks` pulled with nobody reading, or with a sink that stalls,
 * breaks it.
 *
 * @param make - makes a fresh pair; called once a case
 * @param options - which way it pipes
 * @returns the cases, for any runner
 * @throws `TypeError` or `RangeError` when `via` is neither word
 *
 * @example
 * ```ts
 * import { test } from "node:test";
 * import { streamContract } from "@spillway/testing";
 * import { bounded } from "@spillway/streams";
 *
 * for (const via of ["direct", "foreign"] as const) {
 *   const cases = streamContract(
 *     () => ({ ...bounded<number>({ highWaterMark: 4 }), chunk: (index) => index }),
 *     { via },
 *   );
 *   for (const { name, run } of cases) test(`${name} (${via})`, run);
 * }
 * ```
 */
export function streamContract<In, Out = In>(
  make: () => ContractPair<In, Out>,
  options: StreamContractOptions = {},
): readonly ContractCase[] {
  const { via = "direct" } = options;
  checkOneOf("via", via, ["direct", "foreign"]);
  const piped = pipes<In, Out>();
  const all = { ...flows<In, Out>(), ...endings<In, Out>(), ...piped, ...joints<In, Out>() };
  return Object.entries(via === "direct" ? all : piped).map(([name, behave]) => ({
    name,
    run: async () => {
      const rig = new Rig(make(), via);
      await behave(rig);
      await rig.done();
    },
  }));
}
