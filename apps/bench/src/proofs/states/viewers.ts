import type { Acknowledger } from "@spillway/websocket";
import type { Runtime } from "../../runtimes.ts";
import type { Showing, Span } from "./protocol.ts";

/** What can befall a viewer. */
export type Trouble =
  /** Its process is stopped, as by a laptop lid. */
  | "stopped"
  /** The main thread of its page is busy. */
  | "blocked"
  /** Its page sleeps, as browsers have those do that nobody looks at. */
  | "frozen"
  /** Its page takes longer for a picture than there is until the next. */
  | "slowed";

/** Who looks at a film, or takes a flood. */
export interface Viewer {
  /** `deno 2.9.5`, as it says itself. */
  readonly name: string;
  /** Rejects when it is gone before it is closed. */
  readonly broken: Promise<never>;
  /** Troubles it for so long. */
  trouble(what: Trouble, ms: number): Promise<Span>;
  /** Ends its process. */
  close(): Promise<void>;
}

/** Where to look, and who hears of what is shown. */
export interface ViewerJob {
  readonly url: string;
  readonly onShowing: (showing: Showing) => void;
  /** That of the server. */
  readonly runtime: Runtime;
}

/** Starts one. @throws `MissingPeer` */
export type StartViewer = (job: ViewerJob) => Promise<Viewer>;

/** Those that are a process each. */
export type ProcessName = "bun" | "deno" | "node" | "nodeNewest" | "python" | "pythonWebsockets";

/** How they start, and what can befall them. */
interface Kind {
  readonly start: StartViewer;
  readonly troubles: readonly Trouble[];
  /** Who says what has arrived. */
  readonly acknowledgedBy: Acknowledger;
}

const ofProcess = (name: ProcessName): Kind => ({
  start: async (job) => (await import("./viewers/processes.ts")).processes[name](job),
  troubles: ["stopped"],
  acknowledgedBy: "ping",
});

const ofPage = (acknowledgedBy: "ping" | "credit"): Kind => ({
  start: async (job) =>
    (await import("./viewers/chromium.ts")).startChromiumViewer(job, acknowledgedBy),
  troubles: ["blocked", "frozen", "slowed"],
  acknowledgedBy,
});

/** Loaded when asked for: one that is not installed leaves the others alone. */
export const viewers: Readonly<Record<string, Kind>> = {
  node: ofProcess("node"),
  "node-newest": ofProcess("nodeNewest"),
  bun: ofProcess("bun"),
  deno: ofProcess("deno"),
  python: ofProcess("python"),
  "python-websockets": ofProcess("pythonWebsockets"),
  chromium: ofPage("ping"),
  "chromium-credits": ofPage("credit"),
};
