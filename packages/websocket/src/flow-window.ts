import { randomBytes } from "node:crypto";

/** Who confirms what has arrived: the kernel on this side, or the peer by answering pings. */
export type Acknowledger = "kernel" | "ping";

/** What a {@link FlowWindow} needs of its connection. */
export interface FlowWindowHost {
  /** Sends a ping behind everything sent so far. */
  ping(payload: Uint8Array): void;
  /** There is room again. */
  opened(): void;
}

/** Pings on their way; more would tempt a peer to answer only the latest. */
const MAX_PINGS = 32;
/** Milliseconds after the first ping after which a peer that never answered is not waited for. */
const PATIENCE_MS = 5_000;

/**
 * Accounts for the bytes the peer has not read yet and says how many more may be sent.
 *
 * A ping carries the number of bytes sent before it; the peer answers in order once it has read that
 * far, so the pong acknowledges them all. Where no acknowledgement can arrive, because reading is
 * suspended or the peer has never answered, bytes taken by the kernel count as acknowledged, until
 * the next pong.
 *
 * @see https://www.rfc-editor.org/rfc/rfc6455#section-5.5.3
 */
export class FlowWindow {
  readonly windowBytes: number;
  readonly #host: FlowWindowHost;
  readonly #nonce: number = randomBytes(4).readUInt32BE();
  readonly #pingEvery: number;
  readonly #pings: { readonly offset: number; readonly sentAt: number }[] = [];
  #sent = 0;
  #flushed = 0;
  #acknowledged = 0;
  #pinged = 0;
  #suspended = false;
  /** Pongs for less than this were asked for before reading was suspended: too old to go by. */
  #trustFrom = 0;
  #acknowledgedBy: Acknowledger = "ping";
  #rttMs: number | undefined;
  #patience: NodeJS.Timeout | undefined;

  constructor(windowBytes: number, host: FlowWindowHost) {
    this.windowBytes = windowBytes;
    this.#host = host;
    this.#pingEvery = (windowBytes * 3) / 8;
  }

  get acknowledgedBy(): Acknowledger {
    return this.#acknowledgedBy;
  }

  /** Round trip of the last ping answered, queueing included; `undefined` before the first. */
  get rttMs(): number | undefined {
    return this.#rttMs;
  }

  get inFlight(): number {
    const confirmed = this.#acknowledgedBy === "ping" ? this.#acknowledged : this.#flushed;
    return this.#sent - Math.max(confirmed, this.#acknowledged);
  }

  /** Bytes that may be sent now; 0 or less: none. */
  get room(): number {
    return this.windowBytes - this.inFlight;
  }

  /** Bytes that may be sent before a ping is due; 0 or less: one could not be sent. */
  get untilPing(): number {
    return this.windowBytes / 2 - (this.#sent - this.#pinged);
  }

  /** `bytes` more were sent; a ping goes when they leave, or before it is too late for one. */
  sent(bytes: number): void {
    this.#sent += bytes;
    if (this.untilPing <= 0) this.ping();
  }

  /** What was sent leaves: a ping behind it keeps what is sent together in one piece. */
  leaving(): void {
    if (this.#sent - this.#pinged >= this.#pingEvery) this.ping();
  }

  /** `bytes` more were taken by the kernel. */
  flushed(bytes: number): void {
    this.#flushed += bytes;
  }

  /** Asks for an acknowledgement of everything sent so far. */
  ping(): void {
    if (this.#suspended || this.#pings.length >= MAX_PINGS) return;
    if (this.#pings.at(-1)?.offset === this.#sent) return;
    const payload = new Uint8Array(12);
    const view = new DataView(payload.buffer);
    view.setUint32(0, this.#nonce);
    view.setFloat64(4, this.#sent);
    this.#pinged = this.#sent;
    this.#pings.push({ offset: this.#sent, sentAt: performance.now() });
    this.#host.ping(payload);
    if (this.#rttMs === undefined) {
      this.#patience ??= setTimeout(() => this.#fallBack(), PATIENCE_MS).unref();
    }
  }

  /** Takes a pong; payloads that are not ours are ignored. */
  pong(payload: Uint8Array): void {
    if (payload.byteLength !== 12) return;
    const view = new DataView(payload.buffer, payload.byteOffset, 12);
    if (view.getUint32(0) !== this.#nonce) return;
    const offset = view.getFloat64(4);
    const index = this.#pings.findIndex((ping) => ping.offset === offset);
    if (index < 0) return;
    // A peer may answer only the latest ping, so the earlier ones are answered too.
    const [answered] = this.#pings.splice(0, index + 1).slice(-1);
    this.#rttMs = performance.now() - (answered?.sentAt ?? 0);
    this.#acknowledged = offset;
    clearTimeout(this.#patience);
    if (!this.#suspended && offset >= this.#trustFrom) this.#acknowledgedBy = "ping";
    // Pings that were due while too many were out, or while reading was suspended.
    this.leaving();
    this.#host.opened();
  }

  /** We stop reading, so no pong can arrive. */
  suspend(): void {
    this.#suspended = true;
    this.#fallBack();
  }

  /** We read again; the next pong takes over from the kernel. */
  resume(): void {
    if (!this.#suspended) return;
    this.#suspended = false;
    this.#trustFrom = this.#sent;
    this.ping();
  }

  dispose(): void {
    clearTimeout(this.#patience);
  }

  #fallBack(): void {
    this.#acknowledgedBy = "kernel";
    this.#host.opened();
  }
}
