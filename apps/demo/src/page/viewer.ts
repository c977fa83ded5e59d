import { Control, type Mode } from "./control.js";
import type { WorkerNews, WorkerOrder, WorkerReport, WorkerStart } from "./worker-protocol.js";

/** Milliseconds without a word from the worker after which it counts as held up. */
const SILENT_MS = 1_500;

/** What a viewer shows. */
export interface ViewerOptions {
  /** The stream's WebSocket address. */
  readonly url: string;
  /** The script that reads it, beside this one. */
  readonly worker: "live-worker.js" | "plain-worker.js";
  /** Told what else comes on the connection. */
  readonly onMessages?: (type: "telemetry" | "flow", messages: readonly string[]) => void;
}

/** One video on the page: its worker, its canvas, its caption. */
export class Viewer {
  readonly #figure: HTMLElement;
  /** Holds up a worker that does not know how to read slowly. */
  readonly #control: Control | undefined;
  readonly #worker: Worker;
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #closed = new AbortController();
  #mode: Mode = "live";
  #report: WorkerReport | undefined;
  #heardAt: number = performance.now();

  constructor(figure: HTMLElement, { url, worker, onMessages }: ViewerOptions) {
    this.#figure = figure;
    const isHeldUp = worker === "plain-worker.js" && globalThis.crossOriginIsolated;
    this.#control = isHeldUp ? new Control() : undefined;
    // A canvas gives its picture away once; another viewer in this place gets a new one.
    const old = figure.querySelector("canvas") as HTMLCanvasElement;
    const fresh = old.cloneNode() as HTMLCanvasElement;
    old.replaceWith(fresh);
    const canvas = fresh.transferControlToOffscreen();
    this.#worker = new Worker(new URL(worker, import.meta.url), { type: "module" });
    const start: WorkerStart = { url, canvas, memory: this.#control?.memory };
    this.#worker.postMessage(start, [canvas]);
    this.#worker.addEventListener("message", ({ data }: MessageEvent<WorkerNews>) => {
      if (data.type !== "report") {
        onMessages?.(data.type, data.messages);
        return;
      }
      this.#report = data.report;
      this.#heardAt = performance.now();
      this.#show();
    });
    this.#timer = setInterval(() => this.#show(), SILENT_MS / 3);
    const { signal } = this.#closed;
    document.addEventListener("freeze", () => this.#order({ isAsleep: true }), { signal });
    document.addEventListener("resume", () => this.#order({ isAsleep: false }), { signal });
  }

  /** Age of what is shown, in milliseconds. */
  get ageMs(): number | undefined {
    const { publishedAt, ageMs } = this.#report ?? {};
    if (publishedAt === undefined || !this.#isSilent) return ageMs;
    return Date.now() - publishedAt;
  }

  set(mode: Mode, bitsPerSecond: number): void {
    this.#mode = mode;
    if (this.#control) this.#control.set(mode, bitsPerSecond);
    else this.#order({ mode, bitsPerSecond });
    this.#show();
  }

  close(): void {
    this.#closed.abort();
    clearInterval(this.#timer);
    this.#worker.terminate();
  }

  /** Only the worker that reads as it is told minds it. */
  #order(order: WorkerOrder): void {
    this.#worker.postMessage(order, []);
  }

  get #isSilent(): boolean {
    return performance.now() - this.#heardAt > SILENT_MS;
  }

  #show(): void {
    const report = this.#report;
    const mode = this.#mode;
    const state = this.#isSilent && mode === "live" ? "slow" : mode;
    const badge = this.#field("state");
    badge.dataset["state"] = report?.connected === false && state === "live" ? "lost" : state;
    badge.textContent = badge.dataset["state"];
    const { publishedAt } = report ?? {};
    const age = this.ageMs;
    this.#field("fps").textContent = this.#isSilent ? "0.0" : (report?.fps ?? 0).toFixed(1);
    this.#field("age").textContent = age === undefined ? "–" : Math.round(age).toString();
    this.#field("gaps").textContent = String(report?.gaps ?? 0);
    this.#field("layer").textContent = String(report?.layer ?? "–");
    this.#field("sequence").textContent = String(report?.sequence ?? "–");
    this.#field("clock").textContent =
      publishedAt === undefined ? "–" : new Date(publishedAt).toISOString().slice(11, 23);
  }

  #field(name: string): HTMLElement {
    return this.#figure.querySelector(`[data-field="${name}"]`) as HTMLElement;
  }
}
