import { vi } from "vitest";
import { FlowWindow } from "../src/flow-window.ts";
import { wireBytes } from "../src/internal/header.ts";

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

/** A sender over a path and a clock that are both made up; it has always more to send, or a film. */
export class VirtualRun {
  readonly path: VirtualPath;
  readonly flow: FlowWindow;
  readonly answers: Answer[] = [];
  readonly #messageBytes: number;
  readonly #events: { readonly atMs: number; readonly act: () => void }[] = [];
  #nowMs = 0;
  /** When the path has taken all that was sent. */
  #freeAtMs = 0;
  /** When the last answer comes that is on its way. */
  #answeredAtMs = 0;
  #sent = 0;
  #pingBytes = 0;
  /** How far may be sent, as there is no more. */
  #shown = Infinity;

  /** @param everyMs - from one message of a film to the next */
  constructor(path: VirtualPath, messageBytes: number, everyMs?: number) {
    this.path = path;
    this.#messageBytes = messageBytes;
    this.flow = new FlowWindow("auto", {
      ping: (payload) => this.#carry(payload),
      opened: () => {},
    });
    vi.spyOn(performance, "now").mockImplementation(() => this.#nowMs);
    if (everyMs !== undefined) this.#show(everyMs);
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  /** Bytes of messages. */
  get sentBytes(): number {
    return this.#sent;
  }

  /** With frame headers. */
  get pingBytes(): number {
    return this.#pingBytes;
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

  /** Has nothing more leave for a while. */
  stop(forMs: number): void {
    this.#freeAtMs = Math.max(this.#freeAtMs, this.#nowMs) + forMs;
  }

  end(): void {
    this.flow.dispose();
    vi.restoreAllMocks();
  }

  #send(): void {
    if (this.flow.room > 0 && this.#sent < this.#shown) this.flow.beginning(this.#nowMs);
    while (this.flow.room > 0 && this.#sent < this.#shown) {
      const left = this.#shown - this.#sent;
      const bytes = Math.min(this.#messageBytes, this.flow.fragmentBytes, left);
      this.#sent += bytes;
      this.#freeAtMs = Math.max(this.#freeAtMs, this.#nowMs) + bytes / this.path.rate;
      this.flow.sent(bytes);
      this.flow.flushed(bytes);
      this.flow.leaving();
    }
    if (this.#sent < this.#shown) this.flow.filled();
  }

  /** One message, and those that follow; of those that wait only the latest is kept. */
  #show(everyMs: number): void {
    const begun = Math.ceil(this.#sent / this.#messageBytes);
    this.#shown = (begun + 1) * this.#messageBytes;
    this.#at(this.#nowMs + everyMs, () => this.#show(everyMs));
  }

  #at(atMs: number, act: () => void): void {
    const later = this.#events.findIndex((event) => event.atMs > atMs);
    this.#events.splice(later < 0 ? this.#events.length : later, 0, { atMs, act });
  }

  /** A ping goes behind what was sent, and its pong comes back. */
  #carry(payload: Uint8Array): void {
    this.#pingBytes += wireBytes(payload.byteLength);
    const sentAtMs = this.#nowMs;
    // A path that has become shorter lets nothing overtake.
    const arrivesAtMs = Math.max(this.#freeAtMs, sentAtMs) + this.path.rttMs;
    const atMs = Math.max(arrivesAtMs, this.#answeredAtMs);
    this.#answeredAtMs = atMs;
    const arrived = this.#sent;
    this.#at(atMs, () => {
      this.flow.pong(payload);
      const { windowBytes } = this.flow;
      this.answers.push({ atMs, rttMs: atMs - sentAtMs, windowBytes, arrived });
    });
  }
}
