import { vi } from "vitest";
import { FlowWindow } from "../src/flow-window.ts";

/** A path that takes bytes at a rate, and each of them a while. */
export interface VirtualPath {
  /** Bytes a millisecond. */
  rate: number;
  /** Milliseconds there and back, the time that bytes take to leave not included. */
  rttMs: number;
}

/** What a run saw of one answer. */
export interface Answer {
  readonly atMs: number;
  readonly rttMs: number;
  readonly windowBytes: number;
  /** Bytes that had arrived by then. */
  readonly arrived: number;
}

/** A sender that has always more to send, over a path and a clock that are both made up. */
export class VirtualRun {
  readonly path: VirtualPath;
  readonly flow: FlowWindow;
  readonly answers: Answer[] = [];
  readonly #messageBytes: number;
  readonly #events: { readonly atMs: number; readonly act: () => void }[] = [];
  #nowMs = 0;
  /** When the path has taken all that was sent. */
  #freeAtMs = 0;
  #sent = 0;

  constructor(path: VirtualPath, messageBytes: number) {
    this.path = path;
    this.#messageBytes = messageBytes;
    this.flow = new FlowWindow("auto", {
      ping: (payload) => this.#carry(payload),
      opened: () => {},
    });
    vi.spyOn(performance, "now").mockImplementation(() => this.#nowMs);
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  /** Lets time pass, in which everything is sent that there is room for. */
  run(forMs: number): void {
    const endMs = this.#nowMs + forMs;
    this.#send();
    for (;;) {
      const [next] = this.#events;
      if (!next || next.atMs > endMs) break;
      this.#events.shift();
      this.#nowMs = next.atMs;
      next.act();
      this.#send();
    }
    this.#nowMs = endMs;
  }

  end(): void {
    this.flow.dispose();
    vi.restoreAllMocks();
  }

  #send(): void {
    if (this.flow.room > 0) this.flow.beginning(this.#nowMs);
    while (this.flow.room > 0) {
      const bytes = Math.min(this.#messageBytes, this.flow.fragmentBytes);
      this.#sent += bytes;
      this.#freeAtMs = Math.max(this.#freeAtMs, this.#nowMs) + bytes / this.path.rate;
      this.flow.sent(bytes);
      this.flow.flushed(bytes);
      this.flow.leaving();
    }
    this.flow.filled();
  }

  /** A ping goes behind what was sent, and its pong comes back. */
  #carry(payload: Uint8Array): void {
    const sentAtMs = this.#nowMs;
    const atMs = Math.max(this.#freeAtMs, this.#nowMs) + this.path.rttMs;
    const arrived = this.#sent;
    const act = (): void => {
      this.flow.pong(payload);
      const { windowBytes } = this.flow;
      this.answers.push({ atMs, rttMs: atMs - sentAtMs, windowBytes, arrived });
    };
    // A path that has become shorter lets nothing overtake.
    const last = this.#events.at(-1);
    this.#events.push({ atMs: Math.max(atMs, last?.atMs ?? 0), act });
  }
}
