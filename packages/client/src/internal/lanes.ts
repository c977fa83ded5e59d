import { DropCounter, type DropReason, SpillwayError } from "@spillway/streams";
import type { Credit } from "@spillway/streams/protocol";
import type { ClientSettings } from "../options.ts";
import { Incoming, type IncomingHost } from "./incoming.ts";
import type { ReceivedMessage } from "./message.ts";

/** How lanes reach their connection. */
export interface LanesHost {
  answer(lane: number, messages: number): void;
  /** The application wants nothing more of what is of no lane. */
  cancelled(reason: unknown): void;
  failed(error: unknown): void;
}

/** Everything that is received: what is of no lane, and lanes by number and by name. */
export class Lanes implements IncomingHost {
  readonly main: Incoming;
  readonly drops: DropCounter = new DropCounter();
  readonly #host: LanesHost;
  readonly #settings: ClientSettings;
  readonly #numbered: Incoming[] = [];
  /** The newest of each name; a server may use one again after its end. */
  readonly #named = new Map<string, Incoming>();
  #selected: Incoming;
  #credit: Credit | undefined;
  #missed = 0;
  #end: { readonly error?: unknown } | undefined;

  constructor(host: LanesHost, settings: ClientSettings) {
    this.#host = host;
    this.#settings = settings;
    this.main = new Incoming(this, settings);
    this.#number(0, this.main);
    this.#selected = this.main;
  }

  /** What waits unread on all lanes. */
  get unread(): Credit {
    let [bytes, messages] = [0, 0];
    for (const { unread } of this.#all()) {
      bytes += unread.bytes;
      messages += unread.messages;
    }
    return { bytes, messages };
  }

  /** Messages that the server says it has dropped. */
  get missed(): number {
    return this.#missed;
  }

  /** The lane of that name, also before the server has named it. */
  stream(name: string): ReadableStream<ReceivedMessage> {
    return (this.#named.get(name) ?? this.#make(name)).stream;
  }

  giveCredit(credit: Credit): void {
    this.#credit = credit;
    for (const incoming of this.#all()) incoming.giveCredit(credit);
  }

  receive(message: ReceivedMessage, bytes: number): void {
    const { number, isEnded } = this.#selected;
    if (isEnded) throw broken(`a message for lane ${number} behind its end`);
    this.#selected.receive(message, bytes);
  }

  /** The server has dropped messages of the selected lane. */
  miss(messages: number): void {
    this.#missed += messages;
  }

  ask(): void {
    this.#selected.ask();
  }

  /** The server has made a lane. */
  name(lane: number, name: string): void {
    const known = this.#named.get(name);
    const isFree = known === undefined || known.number === undefined || known.isEnded;
    if (this.#numbered[lane] || !isFree) throw broken(`lane ${lane}, ${name}, is named twice`);
    this.#number(lane, known && known.number === undefined ? known : this.#make(name));
  }

  select(lane: number): void {
    this.#selected = this.#find(lane);
  }

  /** No more will come on a lane. */
  end(lane: number): void {
    const incoming = this.#find(lane);
    if (incoming.isEnded) throw broken(`lane ${lane} ends twice`);
    incoming.close();
  }

  /** Closes all streams behind what waits. */
  close(): void {
    this.#end ??= {};
    for (const incoming of this.#all()) incoming.close();
  }

  /** Errors all streams at once. */
  fail(error: unknown): void {
    this.#end ??= { error };
    for (const incoming of this.#all()) incoming.fail(error);
  }

  answer(incoming: Incoming, messages: number): void {
    if (incoming.number !== undefined) this.#host.answer(incoming.number, messages);
  }

  cancelled(incoming: Incoming, reason: unknown): void {
    if (incoming === this.main) this.#host.cancelled(reason);
  }

  dropped(bytes: number, reason: DropReason): void {
    this.drops.count(reason, 1, bytes);
  }

  failed(error: unknown): void {
    this.#host.failed(error);
  }

  #all(): Set<Incoming> {
    return new Set([...this.#numbered.filter(Boolean), ...this.#named.values()]);
  }

  #make(name: string): Incoming {
    const incoming = new Incoming(this, this.#settings);
    this.#named.set(name, incoming);
    if (this.#credit) incoming.giveCredit(this.#credit);
    if (this.#end && "error" in this.#end) incoming.fail(this.#end.error);
    else if (this.#end) incoming.close();
    return incoming;
  }

  #number(lane: number, incoming: Incoming): void {
    incoming.number = lane;
    this.#numbered[lane] = incoming;
  }

  #find(lane: number): Incoming {
    const incoming = this.#numbered[lane];
    if (!incoming) throw broken(`there is no lane ${lane}`);
    return incoming;
  }
}

/** The error for a server that breaks the protocol. */
export function broken(what: string): SpillwayError {
  return new SpillwayError("SPW_ERR_PROTOCOL", `Cannot follow server: ${what}`);
}
