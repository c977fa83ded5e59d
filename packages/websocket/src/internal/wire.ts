import { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import type { WebSocket } from "ws";
import type { Frame } from "../frame.ts";
import { Batch, type Load, MAX_COPY } from "./batch.ts";
import { deflate, isDeflated, windowBitsOf } from "./deflate.ts";
import { BINARY, FIN, firstByte, OPCODE, PACKED, PING, TEXT, wireBytes } from "./header.ts";
import type { Held } from "./held.ts";
import type { Lease } from "./lease.ts";
import { encodedRun, MAX_RUN, type RunBounds } from "./run.ts";

/** What a {@link Wire} tells. */
export interface WireHost {
  /** Something is about to be sent, and nothing waits to leave; a ping may go before it. */
  beginning(): void;
  /** What was sent leaves now; a ping may go behind it. */
  leaving(): void;
  /** The kernel does not take more now. */
  held(): void;
  /** The kernel has taken wire bytes of messages, or will never do so. */
  flushed(bytes: number): void;
}

/** Messages that have left in one piece; 0 of them: none. */
interface SentRun {
  readonly messages: number;
  /** Bytes of their payload, uncompressed. */
  readonly payloadBytes: number;
  /** On the wire. */
  readonly bytes: number;
}

/** The way to the socket. It takes all that it is given, and says how many wire bytes that makes. */
export interface Wire {
  /** The window to compress large messages with, in bits; undefined for not at all. */
  readonly windowBits: number | undefined;
  /** Bytes that may follow what waits for the end of the turn, before something leaves; 0 if nothing waits. */
  readonly left: number;
  /** A frame whose first byte is `first`, as it is; `ws` compresses where it sends, unless told not to. */
  send(first: number, payload: Uint8Array, lease?: Lease, compress?: boolean): number;
  /** A whole message of bytes; compressed where that is agreed on. */
  sendBytes(payload: Uint8Array): number;
  /** The same of at most `left` bytes; `false` where there is more to it than a copy. */
  sendNext(payload: Uint8Array, byteLength: number): boolean;
  /** A whole text message of at most {@link MAX_COPY} bytes. */
  sendText(text: string, byteLength: number): number;
  sendFrame(frame: Frame): number;
  /** The first of some messages, where they leave in one piece, within bounds; tells what that is. */
  sendRun(chunks: readonly unknown[], bounds: RunBounds): SentRun;
  ping(payload: Uint8Array): void;
  /** Hands all to the socket now, since something that is not ours follows. */
  flush(): void;
  /** Adds what the kernel has not taken. */
  hold(held: Held): void;
}

/** Bytes of a batch that does not wait for the end of the turn: with a ping behind it, what peers read at once. */
const BATCH_BYTES = 65_536 - 16;

/** Behind what the kernel did not take at once: its callback tells when it has. */
const NOTHING = new Uint8Array(0);
const NO_RUN: SentRun = { messages: 0, payloadBytes: 0, bytes: 0 };

/** Writes frames to the raw socket: side by side, once in a turn of the event loop. */
class SocketWire implements Wire {
  /** Those that have something for the end of the turn. */
  static #dirty: SocketWire[] = [];
  readonly windowBits: number | undefined;
  readonly #socket: Socket;
  /** Encryption takes everything later. */
  readonly #isEncrypted: boolean;
  readonly #ws: WebSocket;
  readonly #host: WireHost;
  readonly #batch = new Batch();
  /** Of messages, in the batch; control frames are nobody's. */
  #bytes = 0;
  /** What the kernel has not taken yet, oldest first. */
  readonly #loads: Load[] = [];
  #isDirty = false;
  /** Whether the kernel has taken something since, so that more may come behind what waits. */
  #hasMoved = false;

  constructor(socket: Socket, ws: WebSocket, host: WireHost, windowBits: number | undefined) {
    this.#socket = socket;
    this.#isEncrypted = socket instanceof TLSSocket;
    this.#ws = ws;
    this.#host = host;
    this.windowBits = windowBits;
  }

  get left(): number {
    const { bytes } = this.#batch;
    return bytes === 0 ? 0 : Math.max(0, BATCH_BYTES - bytes);
  }

  send(first: number, payload: Uint8Array, lease?: Lease): number {
    const bytes = wireBytes(payload.byteLength);
    this.#makeRoom(bytes);
    this.#batch.add(first, payload, lease);
    return this.#sent(bytes);
  }

  sendBytes(payload: Uint8Array): number {
    const packed = this.#pack(payload, payload.byteLength);
    return packed ? this.send(FIN | PACKED | BINARY, packed) : this.send(FIN | BINARY, payload);
  }

  sendNext(payload: Uint8Array, byteLength: number): boolean {
    if (this.windowBits !== undefined && isDeflated(byteLength, undefined)) return false;
    if (byteLength > MAX_COPY) return false;
    this.#bytes += this.#batch.addBytes(FIN | BINARY, payload, byteLength);
    return true;
  }

  sendText(text: string, byteLength: number): number {
    const packed = this.#pack(text, byteLength);
    if (packed) return this.send(FIN | PACKED | TEXT, packed);
    const bytes = wireBytes(byteLength);
    this.#makeRoom(bytes);
    this.#batch.addText(FIN | TEXT, text, byteLength);
    return this.#sent(bytes);
  }

  sendFrame(frame: Frame): number {
    const { byteLength, compress, encoding, lease, payload } = frame;
    const isPacked = this.windowBits !== undefined && isDeflated(byteLength, compress);
    const isShared = !lease && byteLength <= MAX_COPY;
    if (!isPacked && !isShared) {
      return this.send(firstByte(frame.type === "binary", false, true), payload, lease);
    }
    return this.#sendPrepared(encoding.forWindow(this.windowBits, compress));
  }

  sendRun(chunks: readonly unknown[], bounds: RunBounds): SentRun {
    const run = encodedRun(chunks, this.windowBits, bounds);
    if (!run) return NO_RUN;
    const { messages, payloadBytes } = run;
    return { messages, payloadBytes, bytes: this.#sendPrepared(run.bytes, MAX_RUN) };
  }

  ping(payload: Uint8Array): void {
    this.#batch.add(FIN | PING, payload);
    this.#schedule();
  }

  flush(): void {
    const taken = this.#write();
    // As the callback of a write does: nobody expects to be told within a call.
    if (taken) process.nextTick(taken);
  }

  hold(held: Held): void {
    this.#batch.hold(held);
    for (const load of this.#loads) load.hold(held);
  }

  /** Hands all to the socket; gives what is left to do where the kernel has taken it at once. */
  #write(): (() => void) | undefined {
    if (this.#batch.bytes === 0) return undefined;
    this.#host.leaving();
    const bytes = this.#bytes;
    this.#bytes = 0;
    // What lasts because the socket is full must not keep a slab from others.
    const load = this.#batch.take(this.#loads.length > 0);
    // `ws` answers a Close by itself, and nothing may follow that.
    if (this.#ws.readyState !== this.#ws.OPEN) {
      load.release();
      this.#host.flushed(bytes);
      return undefined;
    }
    const socket = this.#socket;
    const mayPass = this.#loads.length === 0 && !this.#isEncrypted;
    const taken = (): void => {
      // Writes end in the order in which they began; one that was taken at once was never kept.
      if (this.#loads[0] === load) this.#loads.shift();
      this.#hasMoved = true;
      load.release();
      this.#host.flushed(bytes);
    };
    const { pieces } = load;
    const last = pieces.length - 1;
    if (last > 0) socket.cork();
    for (let index = 0; index < last; index++) socket.write(pieces[index] as Uint8Array);
    // A callback for each write costs a tenth of it.
    if (mayPass) socket.write(pieces[last] as Uint8Array);
    else socket.write(pieces[last] as Uint8Array, taken);
    if (last > 0) socket.uncork();
    if (mayPass && socket.writableLength === 0) {
      load.freeSlabs();
      return taken;
    }
    this.#loads.push(load);
    if (!mayPass) return undefined;
    this.#host.held();
    socket.write(NOTHING, taken);
    return undefined;
  }

  #sendPrepared(encoded: Uint8Array, maxBytes = BATCH_BYTES): number {
    const bytes = encoded.byteLength;
    this.#makeRoom(bytes, maxBytes);
    this.#batch.addPrepared(encoded);
    return this.#sent(bytes, maxBytes);
  }

  #makeRoom(bytes: number, maxBytes = BATCH_BYTES): void {
    if (this.#batch.bytes + bytes > maxBytes) this.flush();
    if (this.#batch.bytes === 0) this.#host.beginning();
  }

  #sent(bytes: number, maxBytes = BATCH_BYTES): number {
    this.#bytes += bytes;
    if (this.#batch.bytes >= maxBytes) this.flush();
    else this.#schedule();
    return bytes;
  }

  #schedule(): void {
    if (this.#isDirty) return;
    this.#isDirty = true;
    if (SocketWire.#dirty.push(this) === 1) queueMicrotask(SocketWire.#flushLater);
  }

  /** The tick when all microtasks have had their say: one within a tick would come before them. */
  static #flushLater(this: void): void {
    process.nextTick(SocketWire.#flushAll);
  }

  /** One after the other: to wake a peer that went to sleep in between costs more than a write. */
  static #flushAll(this: void): void {
    const wires = SocketWire.#dirty;
    SocketWire.#dirty = [];
    const done: (() => void)[] = [];
    for (const wire of wires) {
      wire.#isDirty = false;
      const isEarly = wire.#hasMoved && wire.#batch.bytes > 0;
      wire.#hasMoved = false;
      if (isEarly) wire.#schedule();
      else {
        const taken = wire.#write();
        if (taken) done.push(taken);
      }
    }
    for (const taken of done) taken();
  }

  #pack(payload: string | Uint8Array, byteLength: number): Uint8Array | undefined {
    if (this.windowBits === undefined || !isDeflated(byteLength, undefined)) return undefined;
    const bytes = typeof payload === "string" ? Buffer.from(payload) : payload;
    return deflate(bytes, this.windowBits);
  }
}

/** Sends messages through `ws`, where there is no raw socket; then `ws` compresses. */
class MessageWire implements Wire {
  readonly windowBits = undefined;
  readonly left = 0;
  readonly #socket: WebSocket;
  readonly #host: WireHost;
  /** Wire bytes that `ws` has been given and the kernel has not. */
  #bytes = 0;

  constructor(socket: WebSocket, host: WireHost) {
    this.#socket = socket;
    this.#host = host;
  }

  send(first: number, payload: Uint8Array, lease?: Lease, compress: boolean = true): number {
    const options = { binary: (first & OPCODE) === BINARY, fin: (first & FIN) !== 0, compress };
    return this.#send(payload, payload.byteLength, options, lease);
  }

  sendBytes(payload: Uint8Array): number {
    return this.#send(payload, payload.byteLength, { binary: true });
  }

  sendNext(): boolean {
    return false;
  }

  sendText(text: string, byteLength: number): number {
    return this.#send(text, byteLength, { binary: false });
  }

  sendFrame({ byteLength, compress, lease, payload, type }: Frame): number {
    const options = { binary: type === "binary", compress: isDeflated(byteLength, compress) };
    return this.#send(payload, byteLength, options, lease);
  }

  sendRun(): SentRun {
    return NO_RUN;
  }

  ping(payload: Uint8Array): void {
    this.#socket.ping(payload);
  }

  flush(): void {}

  /** What `ws` holds it does not show. */
  hold(held: Held): void {
    held.count(this.#bytes);
  }

  #send(
    payload: string | Uint8Array,
    byteLength: number,
    options: { readonly binary: boolean; readonly fin?: boolean; readonly compress?: boolean },
    lease?: Lease,
  ): number {
    const bytes = wireBytes(byteLength);
    this.#host.beginning();
    lease?.hold();
    this.#bytes += bytes;
    this.#socket.send(payload, options, () => {
      this.#bytes -= bytes;
      lease?.free();
      this.#host.flushed(bytes);
    });
    return bytes;
  }
}

/** @param socket - the raw one, where there is one: what `inject()` of Fastify makes has none */
export function makeWire(ws: WebSocket, socket: unknown, host: WireHost): Wire {
  const windowBits = windowBitsOf(ws);
  const isOurs = windowBits !== undefined || ws.extensions === "";
  const isRaw = socket instanceof Socket && !socket.destroyed;
  return isRaw && isOurs ? new SocketWire(socket, ws, host, windowBits) : new MessageWire(ws, host);
}
