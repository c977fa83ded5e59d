import type { Contender, Measurement } from "./workload.ts";

/** What the bench asks of a contender's process, one at a time. */
export type Ask =
  | { readonly kind: "prepare"; readonly workload: string; readonly contender: Contender }
  | { readonly kind: "repeat" };

/** What it answers, by the kind of question. */
export type Answers = {
  prepare: undefined;
  repeat: readonly Measurement[];
};
