import type { Answers, Ask } from "./protocol.ts";
import type { Runtime } from "./runtimes.ts";
import { Subprocess, type SubprocessError } from "./subprocess.ts";
import type { Contender, Measurement } from "./workload.ts";

/** A peer that is not installed. */
export class MissingPeer extends Error {
  override readonly name = "MissingPeer";
}

/** A contender in its own process, which waits without cost while others have their turn. */
export class ContenderProcess {
  readonly contender: Contender;
  readonly #process: Subprocess<Ask, Answers>;

  constructor(runtime: Runtime, contender: Contender) {
    const { repMs, warmUpMs } = contender.effort;
    this.contender = contender;
    this.#process = new Subprocess("child", import.meta.url, {
      execPath: runtime.path,
      // Memory is looked at when garbage is gone.
      execArgv: [...process.execArgv, "--expose-gc"],
      // Generous: a busy machine is slow, a contender that hangs would hold up all the others.
      deadlineMs: 60_000 + 20 * (repMs + warmUpMs),
    });
  }

  /** @throws {@link MissingPeer} */
  async prepare(workload: string): Promise<void> {
    const { contender } = this;
    await this.#process.ask({ kind: "prepare", workload, contender }).catch(told);
  }

  async repeat(): Promise<readonly Measurement[]> {
    return this.#process.ask({ kind: "repeat" }).catch(told);
  }

  async close(): Promise<void> {
    await this.#process.close();
  }
}

/** @throws {@link MissingPeer}, or the error with all that is known of it */
function told(error: SubprocessError): never {
  const { code, message, where } = error;
  const isMissing = code === "ERR_MODULE_NOT_FOUND" || code === "MODULE_NOT_FOUND";
  if (isMissing) throw new MissingPeer(message.split("\n", 1)[0], { cause: error });
  throw new Error(where ?? message, { cause: error });
}
