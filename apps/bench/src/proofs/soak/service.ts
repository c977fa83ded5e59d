import { Fleet } from "../../clients/fleet.ts";
import type { Arrival } from "../../clients/protocol.ts";
import type { Runtime } from "../../runtimes.ts";
import { Subprocess } from "../../subprocess.ts";
import { MESSAGE_BYTES, PER_SECOND } from "./message.ts";
import type { SoakAnswers, SoakAsk, SoakSample } from "./protocol.ts";

/** Longer than anything that is asked for. */
const DEADLINE_MS = 300_000;

/** Who connects. */
export interface SoakCrowd {
  /** Clients that read all they get. */
  readonly healthy: number;
  /** Clients that read nothing after their first message. */
  readonly frozen: number;
}

/** A server and its clients, each in a process of their own. */
export class SoakService {
  readonly crowd: SoakCrowd;
  readonly #server: Subprocess<SoakAsk, SoakAnswers>;
  readonly #fleet: Fleet;

  private constructor(crowd: SoakCrowd, server: Subprocess<SoakAsk, SoakAnswers>, fleet: Fleet) {
    this.crowd = crowd;
    this.#server = server;
    this.#fleet = fleet;
  }

  /** @param onSample - hears what the server says of itself, every second from now on */
  static async start(
    crowd: SoakCrowd,
    runtime: Runtime,
    onSample: (sample: SoakSample) => void = () => {},
  ): Promise<SoakService> {
    const server = new Subprocess<SoakAsk, SoakAnswers>("server", import.meta.url, {
      execPath: runtime.path,
      deadlineMs: DEADLINE_MS,
      onNotice: (sample) => onSample(sample as SoakSample),
    });
    try {
      const port = await server.ask({ kind: "serve" });
      const fleet = await Fleet.connect({
        port,
        clients: crowd.healthy + crowd.frozen,
        counts: "messages",
        messageBytes: MESSAGE_BYTES,
        stampAt: 0,
      });
      // Who has never answered gets what the kernel takes, for minutes: so all begin alive.
      await fleet.take(1, async () => {
        await server.ask({ kind: "publish", messages: 1, everyMs: 0 });
      });
      await fleet.freeze(crowd.frozen);
      return new SoakService(crowd, server, fleet);
    } catch (error) {
      await server.close();
      throw error;
    }
  }

  /**
   * Publishes for so long.
   *
   * @returns how old messages were when they arrived
   * @throws unless each of the healthy gets every message
   */
  async offer(seconds: number): Promise<Arrival> {
    const messages = Math.max(1, Math.round(seconds * PER_SECOND));
    return this.#fleet.take(messages, async () => {
      await this.#server.ask({ kind: "publish", messages, everyMs: 1000 / PER_SECOND });
    });
  }

  async close(): Promise<void> {
    await Promise.all([this.#server.close(), this.#fleet.close()]);
  }
}
