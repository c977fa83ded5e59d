import { Control, type Mode } from "./control.js";
import type { WorkerReport, WorkerStart } from "./video-worker.js";

/** Milliseconds without a word from the worker after which it counts as held up. */
const SILENT_MS = 1_500;

/** One video on the page: its worker, its canvas, its caption. */
export class Viewer {
  readonly #figure: HTMLElement;
  readonly #control: Control | undefined;
  readonly #worker: Worker;
  readonly #timer: ReturnType<typeof setInterval>;
  #report: WorkerReport | undefined;
  #heardAt: number = performance.now();

  /** @param url - the stream's WebSocket address */
  constructor(figure: HTMLElement, url: string) {
    this.#figure = figure;
    this.#control = globalThis.crossOriginIsolated ? new Control() : undefined;
    // A canvas gives its picture away once; another viewer in this place gets a new one.
    const old = figure.querySelector("canvas") as HTMLCanvasElement;
    const fresh = old.cloneNode() as HTMLCanvasElement;
    old.replaceWith(fresh);
    const canvas = fresh.transferControlToOffscreen();
    this.#worker = new Worker(new URL("video-worker.js", import.meta.url), { type: "module" });
    const start: WorkerStart = { url, canvas, memory: this.#control?.memory };
    this.#worker.postMessage(start, [canvas]);
    this.#worker.addEventListener("message", ({ data }: MessageEvent<WorkerReport>) => {
      this.#report = data;
      this.#heardAt = performance.now();
      this.#show();
    });
    this.#timer = setInterval(() => this.#show(), SILENT_MS / 3);
  }

  /** Age of what is shown, in milliseconds. */
  get ageMs(): number | undefined {
    const { publishedAt, ageMs } = this.#report ?? {};
    if (publishedAt === undefined || !this.#isSilent) return ageMs;
    return Date.now() - publishedAt;
  }

  set(mode: Mode, bitsPerSecond: number): void {
    this.#control?.set(mode, bitsPerSecond);
    this.#show();
  }

  close(): void {
    clearInterval(this.#timer);
    this.#worker.terminate();
  }

  get #isSilent(): boolean {
    return performance.now() - this.#heardAt > SILENT_MS;
  }

  #show(): void {
    const report = this.#report;
    const mode = this.#control?.mode ?? "live";
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
