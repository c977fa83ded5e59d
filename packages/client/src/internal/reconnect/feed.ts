import { type DropReason, Gap } from "@spillway/streams";
import { EMPTY, ignore, ReadableEnd, type Source } from "@spillway/streams/ends";
import { byteLength, type ReceivedMessage } from "../message.ts";
import type { Line } from "./line.ts";
import type { LinkLanes } from "./link-lanes.ts";

/** What a readable that outlives connections does at their ends. */
export interface FeedSettings {
  /** The lane's; none for what is of no lane. */
  readonly name: string | undefined;
  readonly gaps: boolean;
  readonly stale: "keep" | "drop";
}

/** What becomes of a feed. */
export interface FeedHost {
  dropped(bytes: number, reason: DropReason): void;
  /** The server has ended the lane. */
  ended(feed: Feed): void;
  cancelled(feed: Feed, reason: unknown): void;
}

/** What one connection has for a feed. */
interface Part {
  readonly lanes: LinkLanes;
  readonly line: Line;
  readonly stream: ReadableStream<ReceivedMessage>;
  readonly source: Source<ReceivedMessage> | undefined;
  readonly reader: ReadableStreamDefaultReader<ReceivedMessage>;
}

/** The connection that is open, and the one before it. */
const MAX_PARTS = 2;

/**
 * One lane of all connections, one after the other. It reads from a connection only what it was asked
 * for, so that what the application leaves unread holds the server up.
 */
export class Feed implements Source<ReceivedMessage | Gap> {
  readonly settings: FeedSettings;
  readonly #host: FeedHost;
  readonly #end: ReadableEnd<ReceivedMessage | Gap>;
  readonly #parts: Part[] = [];
  /** To be told before anything else. */
  readonly #gaps: Gap[] = [];
  /** Read, and then not wanted after all. */
  #held: ReceivedMessage | typeof EMPTY = EMPTY;
  #isReading = false;
  #state: "open" | "closing" | "done" = "open";

  constructor(settings: FeedSettings, host: FeedHost) {
    this.settings = settings;
    this.#host = host;
    this.#end = new ReadableEnd<ReceivedMessage | Gap>(this);
  }

  get stream(): ReadableStream<ReceivedMessage | Gap> {
    return this.#end.stream;
  }

  /** The number of the lane in the connection that is open. */
  get number(): number | undefined {
    const part = this.#parts.at(-1);
    return part && !part.lanes.isOver ? part.line.number : undefined;
  }

  /** There is a new connection, or a new lane on it. */
  attach(lanes: LinkLanes): void {
    const { name } = this.settings;
    const stream = name === undefined ? lanes.main.stream : lanes.stream(name);
    // It was read to its end: the server may name the lane again.
    if (stream.locked) return;
    const part: Part = {
      lanes,
      line: lanes.line(name),
      stream,
      source: ReadableEnd.of(stream)?.source,
      reader: stream.getReader(),
    };
    if (this.#state === "done") {
      part.reader.cancel().catch(ignore);
      return;
    }
    this.#parts.push(part);
    if (this.#parts.length > MAX_PARTS) this.#skip(this.#parts[0] as Part);
    part.line.onGap = () => this.#end.wake();
    this.#end.wake();
  }

  /** Whether it reads from that connection. */
  isOn(lanes: LinkLanes): boolean {
    return this.#parts.some((part) => part.lanes === lanes);
  }

  /** The connection is lost. */
  lost(): void {
    if (this.settings.stale === "drop") this.discard("expired");
  }

  /** Discards what waits. */
  discard(reason: DropReason): void {
    let [messages, bytes] = [0, 0];
    for (const part of this.#parts) {
      const counts = this.#empty(part, reason);
      messages += counts.messages;
      bytes += counts.bytes;
    }
    if (messages > 0) this.#addGap(messages, bytes, reason);
    this.#end.wake();
  }

  take(): ReceivedMessage | Gap | typeof EMPTY {
    const gap = this.#takeGap();
    if (gap) return gap;
    const [part] = this.#parts;
    // What waits is here without a promise; only for what is yet to come there is a read.
    const isWaited = this.#held === EMPTY && !this.#isReading;
    const next = isWaited ? (part?.source?.take() ?? EMPTY) : this.#held;
    this.#held = EMPTY;
    if (next !== EMPTY) part?.line.take(1);
    if (next === EMPTY || this.#state === "closing") this.#read();
    return next;
  }

  cancel(reason: unknown): void {
    this.#stop("cancelled");
    this.#host.cancelled(this, reason);
  }

  /** There will be no other connection: closes the stream behind what waits. */
  close(): void {
    if (this.#state !== "open") return;
    this.#state = "closing";
    // Only the connection that was knows whether something waits.
    if (this.#parts.length > 0) this.#read();
    else this.#finish();
  }

  /** Errors the stream at once. */
  fail(error: unknown): void {
    if (this.#state === "done") return;
    this.#stop("closed");
    this.#end.error(error);
  }

  #read(): void {
    const [part] = this.#parts;
    if (!part || this.#isReading || this.#held !== EMPTY) return;
    this.#isReading = true;
    const over = (): void => this.#readOf(part, undefined);
    part.reader.read().then(({ value }) => this.#readOf(part, value), over);
  }

  /** @param message - none: the connection, or the lane, has no more */
  #readOf(part: Part, message: ReceivedMessage | undefined): void {
    this.#isReading = false;
    const isSkipped = part !== this.#parts[0];
    if (message === undefined) {
      if (!isSkipped) this.#over(part);
    } else if (isSkipped) this.#host.dropped(byteLength(message), "closed");
    else this.#held = message;
    // It was asked for while nobody knew that there is another connection.
    if (isSkipped || message === undefined) this.#wakeOrClose();
    else this.#end.wake();
  }

  #over(part: Part): void {
    this.#parts.shift();
    if (part.line.isEnded) {
      // What follows is for the next stream of that name.
      for (const { reader, line } of this.#parts.splice(0)) {
        line.onGap = undefined;
        reader.releaseLock();
      }
      this.#finish();
      this.#host.ended(this);
    } else if (this.#state === "open") this.#addGap(0, 0, "closed");
  }

  #wakeOrClose(): void {
    if (this.#state !== "closing") this.#end.wake();
    else if (this.#parts.length > 0) this.#read();
    else this.#finish();
  }

  #finish(): void {
    this.#state = "done";
    this.#end.close();
  }

  #stop(reason: DropReason): void {
    this.#state = "done";
    for (const part of this.#parts) {
      this.#empty(part, reason);
      part.line.onGap = undefined;
      part.reader.cancel().catch(ignore);
    }
    this.#parts.length = 0;
  }

  /** A connection that is over still waits to be read, and so does the one behind it. */
  #skip(part: Part): void {
    const { messages, bytes } = this.#empty(part, "closed");
    this.#parts.shift();
    this.#addGap(messages, bytes, "closed");
  }

  #empty(part: Part, reason: DropReason): { messages: number; bytes: number } {
    let [messages, bytes] = [0, 0];
    const count = (size: number): void => {
      this.#host.dropped(size, reason);
      messages++;
      bytes += size;
    };
    if (part === this.#parts[0] && this.#held !== EMPTY) count(byteLength(this.#held));
    if (part === this.#parts[0]) this.#held = EMPTY;
    takeAll(part.stream, count);
    part.line.take(messages);
    return { messages, bytes };
  }

  #addGap(dropped: number, size: number, reason: DropReason): void {
    // One for each reason, however many connections are lost before anyone reads.
    const index = this.#gaps.findIndex((gap) => gap.reason === reason);
    const [before] = index < 0 ? [] : this.#gaps.splice(index, 1);
    this.#gaps.push(new Gap((before?.dropped ?? 0) + dropped, (before?.size ?? 0) + size, reason));
  }

  #takeGap(): Gap | undefined {
    for (;;) {
      const gap = this.#gaps.shift() ?? this.#parts[0]?.line.takeGap();
      if (!gap || this.settings.gaps) return gap;
    }
  }
}

/** Takes what waits in a stream of a connection, which may be locked. */
export function takeAll(
  stream: ReadableStream<ReceivedMessage>,
  taken: (bytes: number) => void,
): void {
  const source = ReadableEnd.of(stream)?.source;
  for (let next = source?.take(); next !== undefined && next !== EMPTY; next = source?.take()) {
    taken(byteLength(next));
  }
}
