import type { DropReason } from "@spillway/streams";
import { reportUncaught } from "@spillway/streams/ends";
import type { ReconnectingSettings } from "../../reconnect-options.ts";
import type { ReconnectState } from "../../reconnect-state.ts";
import { connectionError, WebSocketError } from "../../web-socket-error.ts";
import type { Outgoing } from "../outgoing.ts";
import type { PlatformClose } from "../platform.ts";
import { Backoff, isRetried, type LinkEnd } from "./backoff.ts";
import { Link, type LinkInfo } from "./link.ts";
import { Watched } from "./watched.ts";

/** What connections that follow each other lead to. */
export interface ReconnectorHost {
  readonly outgoing: Outgoing;
  dropped(bytes: number, reason: DropReason): void;
  opened(link: Link, info: LinkInfo): void;
  /** The server keeps to credits. */
  agreed(link: Link): void;
  /** What was open is over. `isLost`: not as we wanted it. */
  lost(link: Link, isLost: boolean): void;
  /** The streams got `error`; the last connection is closing. */
  broke(error: unknown): void;
  /** There will be no other. */
  finished(end: PlatformClose | WebSocketError): void;
}

/** One attempt in so many asks a server that had credits whether it still has. */
const ASK_ANEW_EVERY = 4;

/** Makes one connection after the other, until it is told to stop, or there is no point in it. */
export class Reconnector {
  readonly states: Watched<ReconnectState>;
  readonly #url: string;
  readonly #settings: ReconnectingSettings;
  readonly #host: ReconnectorHost;
  readonly #backoff: Backoff;
  #link: Link | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** The server has said how long to wait. */
  #isAskedToWait = false;
  /** No other connection follows. */
  #isLast = false;
  /** That is what the application wants. */
  #isClosing = false;
  #hasOpened = false;
  #hasAgreed = false;

  constructor(url: string, settings: ReconnectingSettings, host: ReconnectorHost) {
    this.#url = url;
    this.#settings = settings;
    this.#host = host;
    this.#backoff = new Backoff(settings);
    this.states = new Watched<ReconnectState>({ status: "connecting", attempt: 1, delayMs: 0 });
  }

  /** The connection that is open, or being made. */
  get link(): Link | undefined {
    return this.#link;
  }

  connect(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#backoff.begin();
    this.#enter("connecting");
    const { client, connectTimeoutMs: timeoutMs } = this.#settings;
    const how = { url: this.#url, client, credits: this.#offered(), timeoutMs };
    const link: Link = new Link(how, {
      outgoing: this.#host.outgoing,
      dropped: (bytes, reason) => this.#host.dropped(bytes, reason),
      opened: (info) => {
        this.#hasOpened = true;
        this.#enter("open");
        this.#host.opened(link, info);
      },
      agreed: () => {
        this.#hasAgreed = true;
        this.#host.agreed(link);
      },
      broke: (error) => {
        this.#isLast = true;
        this.#host.broke(error);
      },
      ended: (end) => this.#ended(link, end),
    });
    this.#link = link;
  }

  /** Does not wait any longer; a connection that is open must prove that it is. */
  hurry(): void {
    if (this.#timer !== undefined) this.connect();
    else this.#link?.check();
  }

  /** The same where nobody has asked for it: a server that has told how long to wait is left alone. */
  nudge(): void {
    if (this.#timer === undefined || !this.#isAskedToWait) this.hurry();
  }

  /** Closes the connection for good. */
  close(closeCode: number | null, reason: string): void {
    this.#isLast = true;
    this.#isClosing = true;
    if (this.#link) this.#link.close(closeCode, reason);
    else if (this.#timer !== undefined) {
      const code = closeCode ?? 1005;
      this.#finish(
        this.#hasOpened
          ? { code, reason, wasClean: true }
          : connectionError("Connection was closed before it was open", { closeCode: 1006 }),
      );
    }
  }

  /** Errors everything, and closes the connection, if there is one, for good. */
  fail(error: unknown): void {
    const { link } = this;
    if (link?.session) link.session.fail(error);
    else {
      this.#host.broke(error);
      this.#finish(connectionError("Connection was given up", { closeCode: 1006 }, error));
      link?.close(null, "");
    }
  }

  #ended(link: Link, end: PlatformClose | WebSocketError): void {
    const isError = end instanceof WebSocketError;
    const closeCode = isError ? end.closeCode : end.code;
    const how: LinkEnd = { closeCode, reason: end.reason, ageMs: link.ageMs };
    this.#link = undefined;
    this.#backoff.forgive(how);
    this.#host.lost(link, isError || !this.#isClosing);
    // Closing while there is no connection leaves nothing undone.
    if (this.#isClosing && this.#hasOpened && !link.session) {
      this.#finish({ code: 1005, reason: "", wasClean: true });
    } else if (this.#isLast || !this.#isWorthIt(how)) this.#finish(end);
    else if (this.#backoff.attempts >= this.#settings.maxAttempts) this.#finish(givenUp(end, how));
    else this.#wait(how);
  }

  #isWorthIt(how: LinkEnd): boolean {
    const { retry } = this.#settings;
    const { closeCode, reason } = how;
    try {
      return retry ? retry({ closeCode: closeCode ?? 1006, reason }) : isRetried(how);
    } catch (error) {
      reportUncaught(error);
      return false;
    }
  }

  #wait(how: LinkEnd): void {
    const { delayMs, isAskedFor } = this.#backoff.delayAfter(how);
    this.#isAskedToWait = isAskedFor;
    // Unlike others, this timer keeps a process alive, as a connection would.
    this.#timer = setTimeout(() => this.connect(), delayMs);
    this.#enter("waiting", delayMs);
  }

  #finish(end: PlatformClose | WebSocketError): void {
    if (this.states.value.status === "closed") return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#isLast = true;
    this.#enter("closed");
    this.#host.finished(end);
  }

  /**
   * While a server restarts it may refuse our offer and take the plain attempt that follows. One that had
   * credits gets no plain attempt, but for some, as it may have been replaced.
   */
  #offered(): "auto" | "require" | "off" {
    const { credits } = this.#settings.client;
    const isSure = this.#hasAgreed && this.#backoff.attempts % ASK_ANEW_EVERY !== 0;
    return credits === "auto" && isSure ? "require" : credits;
  }

  #enter(status: ReconnectState["status"], delayMs: number = 0): void {
    const { attempts: attempt } = this.#backoff;
    this.states.set({ status, attempt, delayMs }, status === "closed");
  }
}

function givenUp(
  last: PlatformClose | WebSocketError,
  { closeCode, reason }: LinkEnd,
): WebSocketError {
  const cause = last instanceof WebSocketError ? last : undefined;
  const end = { closeCode: closeCode ?? 1006, reason };
  return connectionError("Connection could not be made again: all attempts failed", end, cause);
}
