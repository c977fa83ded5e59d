import type { Contender, Measurement } from "./workload.ts";

/** What the bench asks of a contender's process, one at a time. */
export type Ask =
  | { readonly kind: "prepare"; readonly workload: string; readonly contender: Contender }
  | { readonly kind: "repeat" };

/** What it answers, once per {@link Ask}. */
export type Answer =
  | { readonly kind: "ready" }
  | { readonly kind: "measured"; readonly measurements: readonly Measurement[] }
  | { readonly kind: "missing"; readonly why: string }
  | { readonly kind: "failed"; readonly why: string };
