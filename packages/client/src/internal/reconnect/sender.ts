import type { SpillwayError } from "@spillway/streams";
import { byteLength, type SentMessage } from "../message.ts";
import { Outgoing, type OutgoingHost } from "../outgoing.ts";
import { KeptMessages } from "./kept.ts";
import type { Link } from "./link.ts";

/** How what is written ends. */
export interface SenderHost {
  /** The producer is done. */
  closed(): void;
  /** The producer gave up. */
  aborted(reason: unknown): void;
  failed(error: SpillwayError): void;
}

/** What is written, on one connection after the other: it waits while there is none. */
export class Sender implements OutgoingHost {
  readonly outgoing: LastingOutgoing;
  /** Handed to a socket and not known to be read, and not sent again. */
  lost = 0;
  /** Sent again. */
  replayed = 0;
  readonly #host: SenderHost;
  readonly #kept: KeptMessages;
  #link: Link | undefined;
  /** How many messages our open question is about; the window's questions may be far between. */
  #asked: number | undefined;
  #isClosing = false;

  constructor(maxQueuedBytes: number, replayBytes: number, host: SenderHost) {
    this.#host = host;
    this.#kept = new KeptMessages(replayBytes);
    this.outgoing = new LastingOutgoing(this, maxQueuedBytes, () => this.#look());
  }

  get hasRoom(): boolean {
    return this.#kept.next === undefined && (this.#link?.session?.hasRoom ?? false);
  }

  takes(message: SentMessage): boolean {
    return this.hasRoom && (this.#link?.session?.takes(message) ?? false);
  }

  send(message: SentMessage, bytes: number): void {
    const session = this.#link?.session;
    session?.send(message, bytes);
    if (session && session.dialogue.state !== "none") {
      this.#kept.sent(message, session.dialogue.sent.messages - 1);
      this.#ask();
    }
  }

  closed(): void {
    this.#isClosing = true;
    if (this.#kept.next === undefined) this.#host.closed();
  }

  aborted(reason: unknown): void {
    this.#host.aborted(reason);
  }

  failed(error: SpillwayError): void {
    this.#host.failed(error);
  }

  /** There is a connection: what the last one did not bring to the server leaves first. */
  attach(link: Link): void {
    this.#link = link;
    this.outgoing.wake();
  }

  /**
   * The connection is over.
   *
   * @param isLost - whether what the server is not known to have read may not have arrived
   */
  detach(isLost: boolean): void {
    const session = this.#link?.session;
    if (!session) return;
    this.#learn();
    this.#link = undefined;
    this.#asked = undefined;
    // Without credits nobody can tell.
    const isTold = isLost && session.dialogue.state !== "none";
    if (isTold) this.lost += session.dialogue.unreadByServer.messages - this.#kept.inFlight;
    else this.#kept.forget();
    this.#kept.rewind();
  }

  /** There will be no other connection: nothing is sent again. */
  giveUp(): void {
    this.lost += this.#kept.waiting;
  }

  #look(): void {
    this.#learn();
    this.#replay();
    this.#ask();
  }

  #learn(): void {
    const session = this.#link?.session;
    if (!session) return;
    // This server never tells what was read.
    if (session.dialogue.state === "none") this.#kept.forget();
    const read = session.dialogue.sent.messages - session.dialogue.unreadByServer.messages;
    this.#kept.read(read);
    if (this.#asked !== undefined && read >= this.#asked) this.#asked = undefined;
  }

  #replay(): void {
    const session = this.#link?.session;
    if (!session || this.#kept.next === undefined) return;
    for (let { next } = this.#kept; next !== undefined; { next } = this.#kept) {
      if (!session.takes(next)) return;
      session.send(next, byteLength(next));
      this.#kept.resent(session.dialogue.sent.messages - 1);
      this.replayed++;
    }
    if (this.#isClosing) this.#host.closed();
  }

  /** One question at a time, so that as little as can be counts as lost, or is sent twice. */
  #ask(): void {
    const dialogue = this.#link?.session?.dialogue;
    if (!dialogue || this.#asked !== undefined) return;
    if (dialogue.unreadByServer.messages > 0 && dialogue.ask()) {
      this.#asked = dialogue.sent.messages;
    }
  }
}

/** A writable that no connection ends. */
class LastingOutgoing extends Outgoing {
  readonly #woken: () => void;
  #isEnding = false;

  constructor(host: OutgoingHost, maxQueuedBytes: number, woken: () => void) {
    super(host, maxQueuedBytes);
    this.#woken = woken;
  }

  override wake(): void {
    this.#woken();
    super.wake();
  }

  /** A connection was closed. */
  override finish(): void {}

  /** A connection was lost. */
  override fail(error: unknown): void {
    if (this.#isEnding) super.fail(error);
  }

  /** It ends for good: in order without an error, if the producer meant it. */
  end(closed: unknown, error?: unknown): void {
    this.#isEnding = true;
    if (error === undefined) super.finish(closed);
    else super.fail(error);
  }
}
