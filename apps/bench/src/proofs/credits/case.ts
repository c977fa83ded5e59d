import type { Outcome } from "../../measure.ts";
import type { Runtime } from "../../runtimes.ts";
import type { Params } from "../../workload.ts";
import { verdictOf, type Wanted } from "../verdict.ts";
import type { Reader } from "./protocol.ts";
import type { StartTab } from "./tab.ts";

/** What a browser may have unread: the default of our client. */
export const CREDIT_BYTES = 1_048_576;

/** A page that is to be looked at. */
export interface Case {
  readonly variant: string;
  readonly start: StartTab;
  readonly reader: Reader;
  readonly isQuick: boolean;
  /** That of the server. */
  readonly runtime: Runtime;
  readonly onProgress: (what: string) => void;
}

/** As {@link verdictOf}: only who reads with credits has goals, the others are there to compare with. */
export function verdict(
  { variant, reader, runtime }: Case,
  browser: string,
  trouble: string,
  params: Params,
  wanted: readonly Wanted[],
): Outcome {
  const all = reader === "credits" ? wanted : wanted.map((each) => ({ ...each, goal: undefined }));
  const proved = { proof: "credits", variant, runtime };
  return verdictOf(proved, browser, `${trouble}, ${reader}`, params, all);
}
