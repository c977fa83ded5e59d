import type { Socket } from "node:net";
import type { WebSocket } from "ws";
import type { Frame } from "../frame.ts";
import { Batch, MAX_COPY } from "./batch.ts";
import { BINARY, CONTROL, FIN, firstByte, OPCODE, PING, TEXT, wireBytes } from "./header.ts";

/** What a {@link Wire} tells. */
export interface WireHost {
  /** Whether a Close was sent, so that nothing may follow. */
  hasClosed(): boolean;
  /** The kernel has taken wire bytes of messages, or will never do so. */
  flushed(bytes: number): void;
}

/** The way to the socket. It takes all that it is given. */
export interface Wire {
  /** A frame whose first byte is `first`. */
  send(first: number, payload: Uint8Array): void;
  /** A whole text message of at most `MAX_COPY` bytes. */
  sendText(text: string, byteLength: number): void;
  sendPrepared(frame: Frame): void;
  /** Hands all to the socket now, since something that is not ours follows. */
  flush(): void;
}

/** Bytes of a batch that does not wait for the end of the turn. */
const BATCH_BYTES = 65_536;

/** Writes frames to the raw socket: side by side, once in a turn of the event loop. */
export class SocketWire implements Wire {
  readonly #socket: Socket;
  readonly #host: WireHost;
  readonly #batch = new Batch();
  /** Of messages, in the batch; control frames are nobody's. */
  #bytes = 0;
  /** Writes that the kernel has not taken yet. */
  #writing = 0;
  #isScheduled = false;

  constructor(socket: Socket, host: WireHost) {
    this.#socket = socket;
    this.#host = host;
  }

  send(first: number, payload: Uint8Array): void {
    if ((first & CONTROL) === 0) this.#bytes += wireBytes(payload.byteLength);
    this.#batch.add(first, payload);
    this.#schedule();
  }

  sendText(text: string, byteLength: number): void {
    this.#bytes += wireBytes(byteLength);
    this.#batch.addText(FIN | TEXT, text, byteLength);
    this.#schedule();
  }

  sendPrepared(frame: Frame): void {
    const { byteLength, payload, type } = frame;
    this.#bytes += wireBytes(byteLength);
    if (byteLength <= MAX_COPY) this.#batch.addPrepared(frame.encoded);
    else this.#batch.add(firstByte(type === "binary", false, true), payload);
    this.#schedule();
  }

  flush(): void {
    if (this.#batch.bytes === 0) return;
    const bytes = this.#bytes;
    this.#bytes = 0;
    // What lasts because the socket is full must not keep a slab from others.
    const load = this.#batch.take(this.#writing > 0);
    const { pieces } = load;
    // `ws` answers a Close by itself, and nothing may follow that.
    if (this.#host.hasClosed()) {
      load.release();
      this.#host.flushed(bytes);
      return;
    }
    this.#writing++;
    const taken = (): void => {
      this.#writing--;
      load.release();
      this.#host.flushed(bytes);
    };
    const last = pieces.length - 1;
    if (last > 0) this.#socket.cork();
    for (let index = 0; index < last; index++) this.#socket.write(pieces[index] as Uint8Array);
    this.#socket.write(pieces[last] as Uint8Array, taken);
    if (last > 0) this.#socket.uncork();
  }

  /** On the next tick, which comes when the microtasks of this one have had their say. */
  #schedule(): void {
    if (this.#batch.bytes >= BATCH_BYTES) {
      this.flush();
    } else if (!this.#isScheduled) {
      this.#isScheduled = true;
      process.nextTick(this.#onTick);
    }
  }

  readonly #onTick = (): void => {
    this.#isScheduled = false;
    this.flush();
  };
}

/** Sends messages through `ws`, where there is no raw socket or `ws` compresses. */
export class MessageWire implements Wire {
  readonly #socket: WebSocket;
  readonly #host: Pick<WireHost, "flushed">;

  constructor(socket: WebSocket, host: Pick<WireHost, "flushed">) {
    this.#socket = socket;
    this.#host = host;
  }

  send(first: number, payload: Uint8Array): void {
    if ((first & OPCODE) === PING) {
      this.#socket.ping(payload);
      return;
    }
    const binary = (first & OPCODE) === BINARY;
    this.#send(payload, payload.byteLength, { binary, fin: (first & FIN) !== 0 });
  }

  sendText(text: string, byteLength: number): void {
    this.#send(text, byteLength, { binary: false, fin: true });
  }

  sendPrepared(frame: Frame): void {
    const binary = frame.type === "binary";
    this.#send(frame.payload, frame.byteLength, { binary, fin: true });
  }

  flush(): void {}

  #send(
    payload: string | Uint8Array,
    byteLength: number,
    options: { readonly binary: boolean; readonly fin: boolean },
  ): void {
    const bytes = wireBytes(byteLength);
    this.#socket.send(payload, options, () => this.#host.flushed(bytes));
  }
}
