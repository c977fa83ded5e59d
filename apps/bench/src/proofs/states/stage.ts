import { setTimeout as sleep } from "node:timers/promises";
import type { Runtime } from "../../runtimes.ts";
import { Subprocess } from "../../subprocess.ts";
import { type PathShape, shapedPath } from "../../viewers/shaped-path.ts";
import type { Journal } from "./figures.ts";
import type { Load, ServerAnswers, ServerAsk, ServerNotice, Span } from "./protocol.ts";
import type { StartViewer, Viewer } from "./viewers.ts";

/** A viewer that looks, and what is told of it. */
export interface Look {
  readonly viewer: Viewer;
  readonly journal: Journal;
}

const DEADLINE_MS = 20_000;

/** A server in a process of its own, and those who look. */
export class Stage {
  readonly #runtime: Runtime;
  readonly #server: Subprocess<ServerAsk, ServerAnswers>;
  readonly #looks: Map<Load, Look> = new Map();
  readonly #journals: Map<Load, Journal> = new Map();
  readonly #paths: { close(): void }[] = [];
  readonly #over: AbortController = new AbortController();
  #port = 0;

  private constructor(runtime: Runtime) {
    this.#runtime = runtime;
    this.#server = new Subprocess("server", import.meta.url, {
      execPath: runtime.path,
      deadlineMs: DEADLINE_MS,
      onNotice: (told) => this.#hear(told as ServerNotice),
    });
  }

  /** Has all of it for as long as `run` takes. */
  static async with<T>(runtime: Runtime, run: (stage: Stage) => Promise<T>): Promise<T> {
    const stage = new Stage(runtime);
    try {
      stage.#port = await stage.#server.ask({ kind: "serve" });
      return await run(stage);
    } finally {
      await stage.#close();
    }
  }

  /** Resolves when the viewer has shown something; one for each load. @throws `MissingPeer` */
  async open(start: StartViewer, load: Load, shape?: PathShape): Promise<Look> {
    const path = shape && (await shapedPath(this.#port, shape));
    if (path) this.#paths.push(path);
    const journal: Journal = { changes: [], samples: [], showings: [] };
    this.#journals.set(load, journal);
    let onFirst: (() => void) | undefined;
    const began = new Promise<void>((resolve) => {
      onFirst = resolve;
    });
    const viewer = await start({
      url: `ws://127.0.0.1:${path?.port ?? this.#port}/${load}`,
      runtime: this.#runtime,
      onShowing(showing) {
        journal.showings.push(showing);
        onFirst?.();
      },
    });
    const look = { viewer, journal };
    this.#looks.set(load, look);
    const late = this.during(DEADLINE_MS).then(() => {
      throw new Error(`nothing was shown in ${DEADLINE_MS / 1000} s`);
    });
    await Promise.race([began, late]);
    return look;
  }

  /** Floods those who look at that, all at once, for so long. */
  async flood(ms: number): Promise<Span> {
    return Promise.race([this.#server.ask({ kind: "flood", ms }), ...this.#broken()]);
  }

  /** Waits, as long as the viewers are there. */
  async during(ms: number): Promise<void> {
    const { signal } = this.#over;
    await Promise.race([sleep(ms, undefined, { signal }), ...this.#broken()]);
  }

  #broken(): Promise<never>[] {
    return [...this.#looks.values()].map(({ viewer }) => viewer.broken);
  }

  #hear(told: ServerNotice): void {
    const journal = this.#journals.get(told.load);
    if (told.kind === "state") journal?.changes.push(told.change);
    else journal?.samples.push(told.sample);
  }

  async #close(): Promise<void> {
    this.#over.abort();
    const viewers = [...this.#looks.values()].map(async ({ viewer }) => viewer.close());
    await Promise.all([this.#server.close(), ...viewers]);
    for (const path of this.#paths) path.close();
  }
}
