import type { Mode } from "./control.js";
import type { ScreenReport } from "./screen.js";

/** What the page gives a worker, once. */
export interface WorkerStart {
  readonly url: string;
  readonly canvas: OffscreenCanvas;
  /** For the worker that is held up in earnest; absent where the page is not isolated. */
  readonly memory?: SharedArrayBuffer | undefined;
}

/** What the page tells the worker that reads as it is told. */
export type WorkerOrder =
  | { readonly mode: Mode; readonly bitsPerSecond: number }
  /** Whether the page is put to sleep: a worker hears nothing of that. */
  | { readonly isAsleep: boolean };

/** What a worker tells the page. */
export type WorkerNews =
  | { readonly type: "report"; readonly report: WorkerReport }
  /** Messages of the other lanes. */
  | { readonly type: "telemetry" | "flow"; readonly messages: readonly string[] };

export interface WorkerReport extends ScreenReport {
  readonly connected: boolean;
}

/** Milliseconds from one report to the next. */
export const REPORT_EVERY_MS = 500;
