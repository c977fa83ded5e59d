import type { Where } from "./differences.ts";

/** What a case came to in another process or thread; one that had several faults has several. */
export interface CaseResult {
  readonly where: Where;
  readonly name: string;
  readonly wrong?: string;
}
