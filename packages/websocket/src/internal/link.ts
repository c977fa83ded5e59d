import type { IncomingMessage } from "node:http";
import { DropCounter, type DropReason, SpillwayError } from "@spillway/streams";
import { decodeControl, innerProtocol, isHello, MARK_BYTE } from "@spillway/streams/protocol";
import type { CloseEvent, WebSocket } from "ws";
import { FlowWindow } from "../flow-window.ts";
import type { ConnectionSettings } from "../options.ts";
import { Credits } from "./credits.ts";
import { Ending } from "./ending.ts";
import { Heartbeat, type HeartbeatHost } from "./heartbeat.ts";
import { Inbox, warnOfUnread } from "./inbox.ts";
import { Outbox } from "./outbox.ts";
import { makeWire } from "./wire.ts";

const NO_BYTES = new Uint8Array(0);

/** Called with the socket as `this`. */
type Listener<Arguments extends unknown[]> = (this: WebSocket, ...given: Arguments) => void;

/** Whose socket it is: its listeners are the same functions for all. */
const links = new WeakMap<WebSocket, Link>();

/** What a connection has on its socket; most of it is made when it is needed, as most of many are idle. */
export class Link {
  readonly settings: ConnectionSettings;
  /** Where the peer tells what its application has read. */
  readonly credits: Credits | undefined;
  flowIfAny: FlowWindow | undefined;
  outboxIfAny: Outbox | undefined;
  inboxIfAny: Inbox | undefined;
  endingIfAny: Ending | undefined;
  readonly #id: string;
  readonly #socket: WebSocket;
  readonly #request: IncomingMessage;
  readonly #heartbeat: Heartbeat<Link> | undefined;
  #drops: DropCounter | undefined;
  #pongs = 0;

  constructor(
    id: string,
    socket: WebSocket,
    request: IncomingMessage,
    settings: ConnectionSettings,
  ) {
    this.#id = id;
    this.#socket = socket;
    this.#request = request;
    this.settings = settings;
    const { heartbeat } = settings;
    if (heartbeat) this.#heartbeat = new Heartbeat(this, heartbeat, Link.#pulse);
    links.set(socket, this);
    // The emitter calls them with the socket as `this`.
    /* oxlint-disable typescript/unbound-method */
    socket.on("message", Link.#onMessage);
    socket.on("pong", Link.#onPong);
    socket.on("error", Link.#onError);
    socket.on("close", Link.#onUnused);
    /* oxlint-enable typescript/unbound-method */
    if (innerProtocol(socket.protocol) === undefined) return;
    this.credits = this.#introduce();
    this.credits.hello(this.inbox.credit);
  }

  get flow(): FlowWindow | undefined {
    const { window } = this.settings;
    if (window === false) return undefined;
    this.flowIfAny ??= new FlowWindow(window, {
      ping: (payload) => this.#ping(payload),
      opened: () => {
        // Where the application tells what it reads, what a browser takes for it is no progress.
        if (this.credits) this.outbox.account.update();
        else this.outbox.account.progress();
        this.outbox.pump();
      },
    });
    return this.flowIfAny;
  }

  get outbox(): Outbox {
    if (!this.outboxIfAny) {
      const { ending } = this;
      this.outboxIfAny = new Outbox(
        ending,
        (messages, bytes) => this.drops.count("closed", messages, bytes),
        // Public, where `ws` keeps its own to itself.
        (host) => makeWire(this.#socket, this.#request.socket, host),
        { flow: this.flow, credits: this.credits },
        this.settings,
      );
      ending.tellOutbox(this.outboxIfAny);
    }
    return this.outboxIfAny;
  }

  get inbox(): Inbox {
    if (!this.inboxIfAny) {
      const host = {
        pause: () => {
          this.#socket.pause();
          // Last: there may be room now, for which something is read, and so reading goes on.
          this.flow?.suspend();
        },
        resume: () => {
          this.#socket.resume();
          this.flow?.resume();
        },
        dropped: (bytes: number, reason: DropReason) => this.drops.count(reason, 1, bytes),
        unread: () => warnOfUnread(this.#id),
        read: (messages: number) => this.credits?.answer(messages),
      };
      this.inboxIfAny = new Inbox(host, this.settings, this.credits !== undefined);
      this.ending.tellInbox(this.inboxIfAny);
    }
    return this.inboxIfAny;
  }

  get ending(): Ending {
    if (!this.endingIfAny) {
      this.endingIfAny = new Ending(this.#socket, this.settings.closeTimeoutMs, () => {
        this.#heartbeat?.stop();
        this.flowIfAny?.dispose();
      });
      // Says whether both Close frames were seen; `on("close")` does not.
      this.#socket.addEventListener("close", Link.#onClose);
    }
    return this.endingIfAny;
  }

  get drops(): DropCounter {
    this.#drops ??= new DropCounter();
    return this.#drops;
  }

  #introduce(): Credits {
    return new Credits(this.settings.window, {
      tell: (text) => this.outbox.tell(text),
      answer: (text) => this.outbox.answer(text),
      isWithin: (lane) => {
        const { within } = this.outbox;
        // What `send()` took is of no lane.
        return within !== undefined && (within.lane?.credit ?? this.credits?.main) === lane;
      },
      opened: () => {
        const { outbox } = this;
        outbox.account.progress();
        // The account had room all the time, if another lane had.
        outbox.opened();
        outbox.pump();
      },
    });
  }

  #ping(payload: Uint8Array = NO_BYTES): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    if (this.outboxIfAny) this.outboxIfAny.ping(payload);
    else this.#socket.ping(payload);
  }

  #receive(data: Buffer, isBinary: boolean): void {
    const { maxMessageBytes } = this.settings;
    const bytes = data.byteLength;
    try {
      if (bytes > maxMessageBytes) {
        const message = `Cannot receive message of ${bytes} bytes: the limit is ${maxMessageBytes} bytes`;
        throw new SpillwayError("SPW_ERR_MESSAGE_TOO_BIG", message);
      }
      const isMarked = !isBinary && data[0] === MARK_BYTE;
      if (isMarked && this.credits) this.#hear(this.credits, data);
      else this.inbox.receive(data, isBinary);
    } catch (error) {
      if (!(error instanceof SpillwayError)) throw error;
      this.ending.fail(error);
    }
  }

  /** A control message, or a text that looks like one. */
  #hear(credits: Credits, data: Buffer): void {
    const text = data.toString();
    // Until the peer has said that it speaks this, it may be one that does not.
    if (!credits.isAgreed && !isHello(text)) {
      this.inbox.receive(data, false);
      return;
    }
    const said = decodeControl(text);
    if (typeof said === "string") this.inbox.receive(data.subarray(1), false);
    else if (said.type === "ask") this.inbox.ask();
    else credits.take(said);
  }

  static readonly #onMessage: Listener<[data: Buffer, isBinary: boolean]> = function (
    data,
    isBinary,
  ) {
    const link = links.get(this);
    if (link) link.#receive(data, isBinary);
  };

  static readonly #onPong: Listener<[payload: Buffer]> = function (payload) {
    const link = links.get(this);
    if (!link) return;
    link.#pongs++;
    link.flowIfAny?.pong(payload);
  };

  static readonly #onError: Listener<[cause: Error]> = function (cause) {
    links.get(this)?.ending.lost(cause);
  };

  /** Of one that nobody has asked for anything; a listener for events takes more memory. */
  static readonly #onUnused: Listener<[code: number, reason: Buffer]> = function (code, reason) {
    const link = links.get(this);
    if (!link || link.endingIfAny) return;
    // Only a Close frame of the peer brings another code, and `ws` answers it.
    const wasClean = code !== 1006;
    link.ending.over({ closeCode: code, reason: reason.toString(), wasClean });
  };

  static #onClose(this: void, { code, reason, target, wasClean }: CloseEvent): void {
    links.get(target)?.ending.over({ closeCode: code, reason, wasClean });
  }

  static readonly #pulse: HeartbeatHost<Link> = {
    isPaused: (link) => link.inboxIfAny?.paused ?? false,
    progress: (link) => link.#signs,
    probe: (link) => link.inboxIfAny?.probe(),
    ping: (link) => (link.flowIfAny ? link.flowIfAny.ping() : link.#ping()),
    dead: (link, silentMs, limitMs) => {
      const silent = `silent for ${Math.round(silentMs)} ms`;
      const message = `Cannot reach peer: ${silent} and the limit is ${limitMs} ms`;
      link.ending.fail(new SpillwayError("SPW_ERR_TIMEOUT", message));
    },
  };

  /** Grows with every sign of life. */
  get #signs(): number {
    const read = this.#request.socket?.bytesRead ?? 0;
    const received = read + this.#pongs + (this.inboxIfAny?.messages ?? 0);
    if (!this.outboxIfAny) return received;
    const { sentBytes, account } = this.outboxIfAny;
    return received + (this.flowIfAny?.moved ?? sentBytes - account.buffered);
  }
}
