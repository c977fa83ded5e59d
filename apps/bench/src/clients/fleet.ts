import { Subprocess } from "../subprocess.ts";
import type { Arrival, Crowd, CrowdAnswers, CrowdAsk } from "./protocol.ts";

/** The clients of a contender, in a process of their own. */
export class Fleet {
  readonly #crowd: Crowd;
  readonly #process: Subprocess<CrowdAsk, CrowdAnswers>;
  #least = 0;
  #onLeast: (() => void) | undefined;
  #failure: Error | undefined;

  private constructor(crowd: Crowd) {
    this.#crowd = crowd;
    this.#process = new Subprocess("main", import.meta.url, {
      deadlineMs: 300_000,
      onNotice: (least) => {
        this.#least = least as number;
        this.#onLeast?.();
      },
    });
  }

  /** Starts the process and connects all of `crowd`. */
  static async connect(crowd: Crowd): Promise<Fleet> {
    const fleet = new Fleet(crowd);
    await fleet.join(crowd.clients);
    return fleet;
  }

  /** So many more clients connect. */
  async join(clients: number): Promise<void> {
    await this.#process.ask({ kind: "connect", crowd: this.#crowd, clients });
  }

  /** @returns the seconds from the start of `send` until each client has got `count` */
  async take(
    count: number,
    send: () => Promise<void>,
  ): Promise<Arrival & { readonly seconds: number }> {
    await this.#process.ask({ kind: "expect", count });
    this.#least = 0;
    this.#failure = undefined;
    const startedAt = performance.now();
    const arrival = this.#process.ask({ kind: "arrival" });
    arrival.catch((error: Error) => {
      // Who waits for room would wait for ever.
      this.#failure = error;
      this.#onLeast?.();
    });
    const [arrived] = await Promise.all([arrival, send()]);
    return { ...arrived, seconds: (performance.now() - startedAt) / 1000 };
  }

  /** From now on {@link Fleet.got} can be waited for, to within `step`. */
  async report(step: number): Promise<void> {
    await this.#process.ask({ kind: "report", step });
  }

  /** Resolves when each client has got `count` since the last {@link Fleet.take} began. */
  async got(count: number): Promise<void> {
    while (this.#least < count) {
      if (this.#failure) throw this.#failure;
      await new Promise<void>((resolve) => {
        this.#onLeast = resolve;
      });
    }
  }

  async freeze(clients: number): Promise<void> {
    await this.#process.ask({ kind: "freeze", clients });
  }

  async echo(bytes: number, ms: number): Promise<CrowdAnswers["echo"]> {
    return this.#process.ask({ kind: "echo", bytes, ms });
  }

  /** Every client says goodbye. */
  async goodbye(): Promise<void> {
    await this.#process.ask({ kind: "close" });
  }

  /** Ends the process of the clients. */
  async close(): Promise<void> {
    await this.#process.close();
  }
}
