import { isSettled } from "../is-settled.ts";
import { fail } from "./claims.ts";
import { nextTurn } from "./clock.ts";

const STEADY_TURNS = 5;

/**
 * Writes while `ready` says so, and once more; the last write is likely to be held. More than
 * `limit` chunks asked for, with nobody taking any, are too many.
 */
export async function fill(
  writer: WritableStreamDefaultWriter<never>,
  limit: number,
  write: () => Promise<void>,
): Promise<void> {
  for (let written = 0; await isSettled(writer.ready); written += 1) {
    if (written > limit) {
      fail(
        `Cannot hold the producer: ${written} chunks were asked for with nobody taking any and the limit is ${limit}`,
      );
    }
    void write();
  }
  void write();
}

/** Waits until nothing more is pulled. */
export async function steady({ sent }: { readonly sent: readonly unknown[] }): Promise<void> {
  let before = -1;
  while (before !== sent.length) {
    before = sent.length;
    for (let turn = 0; turn < STEADY_TURNS; turn += 1) await nextTurn();
  }
}
