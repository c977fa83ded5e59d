import { type ChildProcess, fork, type ForkOptions } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Failure, Reply } from "./answering.ts";

/** What a process could not do, with the `code` of its error. */
export class SubprocessError extends Error {
  override readonly name = "SubprocessError";
  readonly code: string | undefined;
  /** Its stack, where there is one: a process that is gone has none. */
  readonly where: string | undefined;

  constructor({ why, code, stack }: Failure) {
    super(why);
    this.code = code;
    this.where = stack;
  }
}

/** How a {@link Subprocess} is started. */
export interface SubprocessOptions extends Pick<ForkOptions, "execPath" | "execArgv"> {
  /** Milliseconds any answer may take. */
  readonly deadlineMs: number;
  /** Hears of what it tells without being asked. */
  readonly onNotice?: ((notice: unknown) => void) | undefined;
}

/** A process of ours that answers questions, one at a time, and ends when we do. */
export class Subprocess<Ask, Answers extends Record<string, unknown>> {
  readonly #process: ChildProcess;
  readonly #deadlineMs: number;

  /** @param script - a module that calls `answering()`; relative to `base` and without extension */
  constructor(script: string, base: string, { deadlineMs, onNotice, ...how }: SubprocessOptions) {
    this.#deadlineMs = deadlineMs;
    // The same file from source and from `dist`: an URL is not rewritten as an import is.
    const url = new URL(`${script}${base.endsWith(".ts") ? ".ts" : ".js"}`, base);
    this.#process = fork(fileURLToPath(url), [], {
      ...how,
      // What it prints is not a result: to stderr with it.
      stdio: ["ignore", 2, 2, "ipc"],
    });
    // Whoever asks next is told; between two questions nobody listens.
    this.#process.on("error", () => {});
    if (onNotice) {
      this.#process.on("message", (reply: Reply) => {
        if (reply.kind === "notice") onNotice(reply.value);
      });
    }
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** @throws {@link SubprocessError} */
  async ask<Kind extends string & keyof Answers>(
    ask: Ask & { kind: Kind },
  ): Promise<Answers[Kind]> {
    const reply = await new Promise<Reply>((resolve) => {
      const fail = (why: string): void => settle({ kind: "failed", why });
      const onExit = (code: number | null, signal: string | null): void =>
        fail(`its process ended with ${signal ?? `exit code ${code}`}`);
      const onError = (error: Error): void => fail(error.message);
      const timer = setTimeout(() => fail(`no answer in ${this.#deadlineMs} ms`), this.#deadlineMs);
      const settle = (settled: Reply): void => {
        if (settled.kind === "notice") return;
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
    if (reply.kind === "failed") throw new SubprocessError(reply);
    return (reply.kind === "answer" ? reply.value : undefined) as Answers[Kind];
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
}
