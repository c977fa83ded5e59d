import type { Control } from "@spillway/streams/protocol";
import { encodeControl, innerProtocol } from "@spillway/streams/protocol";
import type { ClientSettings } from "../../options.ts";
import type { WebSocketOpenInfo } from "../../web-socket-stream.ts";
import { connectionError, type WebSocketError } from "../../web-socket-error.ts";
import { connect } from "../connect.ts";
import type { Outgoing } from "../outgoing.ts";
import { listen, OPEN, type PlatformClose, type PlatformWebSocket } from "../platform.ts";
import { Session } from "../session.ts";
import { startTimer } from "../timer.ts";
import { LinkLanes, type LinkLanesHost } from "./link-lanes.ts";

/** What a connection has agreed on. */
export type LinkInfo = Pick<WebSocketOpenInfo, "extensions" | "protocol">;

/** Milliseconds for which a server that was asked whether it is there may say nothing. */
const CHECK_TIMEOUT_MS = 5_000;

/** How to connect. */
export interface LinkSettings {
  readonly url: string;
  readonly client: ClientSettings;
  /** What to offer, where that is not what `client` says. */
  readonly credits: ClientSettings["credits"];
  readonly timeoutMs: number;
}

/** What becomes of one attempt. */
export interface LinkHost extends Pick<LinkLanesHost, "dropped"> {
  readonly outgoing: Outgoing;
  /** It can be used. */
  opened(info: LinkInfo): void;
  /** The server keeps to credits. */
  agreed(): void;
  /** It cannot go on, and no other could: it is closing. */
  broke(error: unknown): void;
  /** It is over, or has never begun. Called once, and last. */
  ended(end: PlatformClose | WebSocketError): void;
}

/** One attempt to connect, and the connection that it leads to. */
export class Link {
  readonly lanes: LinkLanes;
  readonly #settings: ClientSettings;
  readonly #host: LinkHost;
  #socket: PlatformWebSocket | undefined;
  #session: Session | undefined;
  #openedAt: number | undefined;
  #isOver = false;
  #stopCheck: (() => void) | undefined;
  readonly #stopConnecting: () => void;
  readonly #stopTimer: () => void;

  constructor({ url, client, credits, timeoutMs }: LinkSettings, host: LinkHost) {
    this.#settings = client;
    this.#host = host;
    this.lanes = new LinkLanes(
      {
        answer: (lane, messages) => this.#session?.dialogue.answer(lane, messages),
        cancelled: () => {},
        failed: (error) => this.#session?.fail(error),
        dropped: (bytes, reason) => host.dropped(bytes, reason),
      },
      client,
    );
    this.#stopConnecting = connect(
      url,
      { ...client, credits },
      {
        opened: (socket) => this.#open(socket),
        failed: (cause) => this.#end(failure("Connection could not be opened", cause)),
      },
    );
    this.#stopTimer = startTimer(() => {
      this.#stopConnecting();
      this.#end(failure(`Connection could not be opened: nobody answered for ${timeoutMs} ms`));
    }, timeoutMs);
  }

  /** Once it is open. */
  get session(): Session | undefined {
    return this.#session;
  }

  /** Milliseconds since it opened. */
  get ageMs(): number {
    return this.#openedAt === undefined ? 0 : performance.now() - this.#openedAt;
  }

  /** Tells a server that keeps to credits; `false` for any other. */
  say(control: Control): boolean {
    if (this.#session?.dialogue.state !== "agreed" || this.#socket?.readyState !== OPEN)
      return false;
    this.#socket.send(encodeControl(control));
    return true;
  }

  /**
   * Makes sure that the server is still there: a network that is gone tells nobody for minutes. Only a
   * server with credits can be asked, and only one that has read everything answers at once.
   */
  check(): void {
    const dialogue = this.#session?.dialogue;
    if (this.#stopCheck || !this.#socket || dialogue?.unreadByServer.messages !== 0) return;
    if (!dialogue.ask()) return;
    const stopListening = listen(this.#socket, "message", () => this.#stopCheck?.());
    const stopTimer = startTimer(() => {
      this.#abandon(failure(`Connection was given up: no answer for ${CHECK_TIMEOUT_MS} ms`));
    }, CHECK_TIMEOUT_MS);
    this.#stopCheck = () => {
      stopListening();
      stopTimer();
      this.#stopCheck = undefined;
    };
  }

  /** Begins the closing handshake, or gives up connecting. */
  close(closeCode: number | null, reason: string): void {
    if (this.#session) this.#session.close(closeCode, reason);
    else this.#abandon(failure("Connection was closed before it was open"));
  }

  /** Goes on as if the connection were lost, whatever becomes of it. */
  #abandon(error: WebSocketError): void {
    this.#stopConnecting();
    this.#end(error);
    // A server that is still there learns of it.
    this.#session?.close(null, "");
  }

  #open(socket: PlatformWebSocket): void {
    const { credits } = this.#settings;
    const protocol = credits === "off" ? undefined : innerProtocol(socket.protocol);
    const info = { extensions: socket.extensions, protocol: protocol ?? socket.protocol };
    this.#stopTimer();
    this.#socket = socket;
    this.#openedAt = performance.now();
    const session = new Session(
      socket,
      protocol !== undefined,
      this.lanes,
      this.#settings,
      {
        decided: () => {
          if (this.#isOver) return;
          if (session.dialogue.state === "agreed") this.#host.agreed();
          if (credits === "require") this.#host.opened(info);
        },
        failed: (error) => {
          if (!this.#isOver) this.#host.broke(error);
        },
        ended: (end) => this.#end(end),
      },
      this.#host.outgoing,
    );
    this.#session = session;
    session.dialogue.start();
    if (credits !== "require") this.#host.opened(info);
  }

  #end(end: PlatformClose | WebSocketError): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#stopTimer();
    this.#stopCheck?.();
    this.lanes.close();
    this.#host.ended(end);
  }
}

function failure(message: string, cause?: unknown): WebSocketError {
  return connectionError(message, { closeCode: 1006 }, cause);
}
