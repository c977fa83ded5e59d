import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Answer, Ask } from "./protocol.ts";
import type { Runtime } from "./runtimes.ts";
import type { Contender, Measurement } from "./workload.ts";

/** A peer that is not installed. */
export class MissingPeer extends Error {
  override readonly name = "MissingPeer";
}

// The same file from source and from `dist`: an URL is not rewritten as an import is.
const child = fileURLToPath(
  new URL(import.meta.url.endsWith(".ts") ? "child.ts" : "child.js", import.meta.url),
);

/** A contender in its own process, which waits without cost while others have their turn. */
export class ContenderProcess {
  readonly contender: Contender;
  readonly #process: ChildProcess;
  readonly #deadlineMs: number;

  constructor(runtime: Runtime, contender: Contender) {
    const { repMs, warmUpMs } = contender.effort;
    this.contender = contender;
    // Generous: a busy machine is slow, a contender that hangs would hold up all the others.
    this.#deadlineMs = 60_000 + 20 * (repMs + warmUpMs);
    this.#process = fork(child, [], {
      execPath: runtime.path,
      // What a contender prints is not a result: to stderr with it.
      stdio: ["ignore", 2, 2, "ipc"],
    });
    // Whoever asks next is told; between two questions nobody listens.
    this.#process.on("error", () => {});
  }

  /** @throws {@link MissingPeer} */
  async prepare(workload: string): Promise<void> {
    await this.#ask({ kind: "prepare", workload, contender: this.contender });
  }

  async repeat(): Promise<readonly Measurement[]> {
    const answer = await this.#ask({ kind: "repeat" });
    return answer.kind === "measured" ? answer.measurements : [];
  }

  async close(): Promise<void> {
    if (this.#hasEnded) return;
    const exited = new Promise((resolve) => this.#process.once("exit", resolve));
    this.#process.kill("SIGKILL");
    await exited;
  }

  /** Or has never started. */
  get #hasEnded(): boolean {
    const { exitCode, signalCode, pid } = this.#process;
    return exitCode !== null || signalCode !== null || pid === undefined;
  }

  async #ask(ask: Ask): Promise<Answer> {
    const answer = await new Promise<Answer>((resolve) => {
      const fail = (why: string): void => settle({ kind: "failed", why });
      const onExit = (code: number | null, signal: string | null): void =>
        fail(`its process ended with ${signal ?? `exit code ${code}`}`);
      const onError = (error: Error): void => fail(error.message);
      const timer = setTimeout(() => fail(`no answer in ${this.#deadlineMs} ms`), this.#deadlineMs);
      const settle = (settled: Answer): void => {
        clearTimeout(timer);
        this.#process.off("message", settle).off("exit", onExit).off("error", onError);
        resolve(settled);
      };
      this.#process.on("message", settle).on("exit", onExit).on("error", onError);
      this.#process.send(ask, (error) => {
        // A process that is ending breaks the channel first; how it ended says more.
        if (error && this.#hasEnded) onError(error);
      });
    });
    if (answer.kind === "missing") throw new MissingPeer(answer.why);
    if (answer.kind === "failed") throw new Error(answer.why);
    return answer;
  }
}
