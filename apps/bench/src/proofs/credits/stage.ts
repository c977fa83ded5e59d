import { setTimeout as sleep } from "node:timers/promises";
import type { Runtime } from "../../runtimes.ts";
import { Subprocess } from "../../subprocess.ts";
import type { Journal } from "../states/figures.ts";
import type { Span, StateChange } from "../states/protocol.ts";
import type {
  CreditSample,
  Feed,
  PageJob,
  PageReport,
  Reader,
  ServerAnswers,
  ServerAsk,
  ServerNotice,
  ServerWeight,
} from "./protocol.ts";
import type { StartTab, Tab } from "./tab.ts";

/** Who reads what. */
export interface Cast {
  readonly start: StartTab;
  readonly runtime: Runtime;
  readonly feed: Feed;
  readonly reader: Reader;
  /** As in {@link PageJob}. */
  readonly everyMs: number;
}

/** All that was told of a connection, and what the page had to say. */
export interface CreditJournal extends Journal {
  readonly samples: CreditSample[];
  readonly lost: PageReport["lost"];
}

/** Memory at one moment, in bytes. */
export interface Weight {
  readonly server: ServerWeight;
  /** Of all processes of the browser; `undefined` where nothing tells. */
  readonly browserBytes: number | undefined;
}

const DEADLINE_MS = 60_000;

/** A server in a process of its own, and a page that reads from it. */
export class Stage {
  readonly tab: Tab;
  readonly #server: Subprocess<ServerAsk, ServerAnswers>;
  readonly #changes: StateChange[];
  readonly #samples: CreditSample[];

  private constructor(
    tab: Tab,
    server: Subprocess<ServerAsk, ServerAnswers>,
    changes: StateChange[],
    samples: CreditSample[],
  ) {
    this.tab = tab;
    this.#server = server;
    this.#changes = changes;
    this.#samples = samples;
  }

  /** Has all of it for as long as `run` takes; the page has read something when it begins. @throws `MissingPeer` */
  static async with<T>(cast: Cast, run: (stage: Stage) => Promise<T>): Promise<T> {
    const changes: StateChange[] = [];
    const samples: CreditSample[] = [];
    const tab = await cast.start();
    const server = new Subprocess<ServerAsk, ServerAnswers>("server", import.meta.url, {
      execPath: cast.runtime.path,
      // Memory is looked at when garbage is gone.
      execArgv: [...process.execArgv, "--expose-gc"],
      deadlineMs: DEADLINE_MS,
      onNotice(told) {
        const notice = told as ServerNotice;
        if (notice.kind === "state") changes.push(notice.change);
        else samples.push(notice.sample);
      },
    });
    try {
      const port = await server.ask({ kind: "serve", feed: cast.feed });
      const stage = new Stage(tab, server, changes, samples);
      const { reader, everyMs } = cast;
      const job: PageJob = { url: `ws://127.0.0.1:${port}/`, reader, everyMs };
      await stage.whileThere(tab.evaluate(`read(${JSON.stringify(job)})`), DEADLINE_MS);
      return await run(stage);
    } finally {
      await Promise.all([server.close(), tab.close()]);
    }
  }

  async during(ms: number): Promise<void> {
    await this.whileThere(sleep(ms));
  }

  /** Blocks the main thread of the page. */
  async block(ms: number): Promise<Span> {
    return (await this.whileThere(this.tab.evaluate(`block(${ms})`), ms + DEADLINE_MS)) as Span;
  }

  async weigh(): Promise<Weight> {
    const weighed = Promise.all([this.#server.ask({ kind: "weigh" }), this.tab.residentBytes()]);
    const [server, browserBytes] = await this.whileThere(weighed);
    return { server, browserBytes };
  }

  async journal(): Promise<CreditJournal> {
    const reported = await this.whileThere(this.tab.evaluate("report()"), DEADLINE_MS);
    const { readings, lost } = reported as PageReport;
    const showings = readings.map(([atMs, madeAtMs, bytes]) => ({ atMs, madeAtMs, bytes }));
    return { changes: this.#changes, samples: this.#samples, showings, lost };
  }

  /** @throws when the browser is gone, or it takes longer */
  async whileThere<T>(awaited: Promise<T>, deadlineMs?: number): Promise<T> {
    const over = new AbortController();
    const { signal } = over;
    const late = (ms: number): Promise<never> =>
      sleep(ms, undefined, { signal }).then(() => {
        throw new Error(`the page did not answer in ${ms / 1000} s`);
      });
    try {
      const deadline = deadlineMs === undefined ? [] : [late(deadlineMs)];
      return await Promise.race([awaited, this.tab.broken, ...deadline]);
    } finally {
      over.abort();
    }
  }
}
