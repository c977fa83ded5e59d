import { expect, vi } from "vitest";
import { type Broadcast, broadcast, type DropReason, type PolicyQueue } from "../src/index.ts";
import { overflowPolicy } from "../src/overflow.ts";
import {
  type Chunk,
  faultIn,
  holds,
  isWithinMark,
  MARK,
  pending,
  policies,
  settle,
  track,
  type Tracked,
} from "./model.ts";

export interface Joining {
  readonly policy: string;
  readonly highWaterMark: number;
  readonly maxAgeMs: number;
  /** Reads again as soon as it has got something. */
  readonly isHungry: boolean;
}

/** Numbers pick a subscriber. */
export type HubCommand =
  | { readonly publish: readonly Omit<Chunk, "id">[] }
  | Joining
  | { readonly read: number }
  | { readonly passMs: number }
  | { readonly cancel: number }
  | { readonly signal: number }
  | "stats";

const CAPACITY = 4;

interface Subscriber extends Joining {
  readonly reader: ReadableStreamDefaultReader<Chunk>;
  readonly controller: AbortController;
  readonly queue: PolicyQueue<Chunk>;
  readonly reads: Tracked<ReadableStreamReadResult<Chunk>>[];
  readonly closed: Tracked<void>;
  readonly dropped: [Chunk, DropReason][];
  /** The position of the first chunk that it is to be shown. */
  readonly start: number;
  isLive: boolean;
  /** How many of the chunks delivered have been looked at. */
  seen: number;
}

/** A hub and its subscribers under test, with everything that happened to them. */
export class BroadcastRig {
  readonly #retain: "none" | "last" | "last-keyframe";
  readonly #hub: Broadcast<Chunk>;
  readonly #published: Chunk[] = [];
  readonly #times: number[] = [];
  readonly #subscribers: Subscriber[] = [];
  /** What the ring should hold. */
  readonly #ring: Chunk[] = [];

  constructor(retain: "none" | "last" | "last-keyframe") {
    this.#retain = retain;
    this.#hub = broadcast<Chunk>({
      capacity: { chunks: CAPACITY, bytes: MARK },
      size: ({ size }) => size,
      isKey: ({ kind }) => kind === "key",
      retain,
    });
  }

  async run(command: HubCommand): Promise<void> {
    if (command === "stats") await this.#checkBooks();
    else if ("passMs" in command) vi.advanceTimersByTime(command.passMs);
    else if ("publish" in command) for (const draft of command.publish) this.#publish(draft);
    else if ("policy" in command) this.#join(command);
    else if ("read" in command) this.#readFrom(this.#pick(command.read));
    else if ("cancel" in command) await this.#leave(this.#pick(command.cancel), "cancel");
    else await this.#leave(this.#pick(command.signal), "signal");
    await this.#feed();
  }

  check(): void {
    const oldest = this.#published.length - 2 * CAPACITY;
    for (const subscriber of this.#subscribers) {
      const { policy, maxAgeMs } = subscriber;
      for (const chunk of delivered(subscriber).slice(subscriber.seen)) {
        subscriber.seen++;
        const age = performance.now() - (this.#times[chunk.id] ?? 0);
        holds(isKept(policy, chunk) || age <= maxAgeMs, "the age");
      }
    }
    for (const { queue, policy, highWaterMark, reads } of this.#live()) {
      holds(queue.length <= highWaterMark, "the bound of chunks");
      holds(isWithinMark(policy, held(queue)), "the bound of sizes");
      for (const chunk of held(queue)) {
        const mayOutlive = isKept(policy, chunk) || policy.startsWith("conflate");
        holds(mayOutlive || chunk.id >= oldest, "no more than two rings' worth is alive");
      }
      holds(pending(reads) === 0 || queue.length === 0, "nobody waits for what is there");
    }
  }

  /** Ends the hub, reads to the end, and looks for anything left pending or uncounted. */
  async finish(end: "close" | "abort"): Promise<void> {
    await this.#checkBooks();
    if (end === "close") this.#hub.close();
    else this.#hub.abort(new Error("abort"));
    for (let turn = 0; turn <= 8; turn++) {
      for (const subscriber of this.#subscribers) this.#readFrom(subscriber);
      await settle();
    }
    for (const subscriber of this.#subscribers) {
      const { policy, queue, reads, closed, dropped, start, isLive } = subscriber;
      const got = delivered(subscriber);
      expect(pending(reads) + pending([closed])).toBe(0);
      expect(queue.length).toBe(0);
      expect(faultIn(policy, this.#published.slice(start), got)).toBeUndefined();
      const ids = [...got, ...dropped.map(([chunk]) => chunk)].map(({ id }) => id);
      expect(new Set(ids).size).toBe(ids.length);
      if (isLive) expect(ids.length).toBe(this.#published.length - start);
    }
    expect(this.#hub.stats().subscribers).toBe(0);
  }

  #publish(draft: Omit<Chunk, "id">): void {
    const chunk = { ...draft, id: this.#published.length };
    this.#hub.publish(chunk);
    this.#published.push(chunk);
    this.#times.push(performance.now());
    const size = (): number => this.#ring.reduce((sum, one) => sum + one.size, chunk.size);
    while (this.#ring.length > 0 && (this.#ring.length >= CAPACITY || size() > MARK)) {
      this.#ring.shift();
    }
    this.#ring.push(chunk);
  }

  #join(joining: Joining): void {
    const policy = overflowPolicy(policies[joining.policy] ?? "latest");
    const controller = new AbortController();
    const dropped: [Chunk, DropReason][] = [];
    let queue: PolicyQueue<Chunk> | undefined;
    const readable = this.#hub.subscribe({
      highWaterMark: joining.highWaterMark,
      maxAgeMs: joining.maxAgeMs,
      signal: controller.signal,
      overflow: {
        ...policy,
        start: (own) => {
          queue = own;
          return policy.start(own);
        },
      },
      onDrop: ({ chunk }, reason) => dropped.push([chunk, reason]),
    });
    const reader = readable.getReader();
    const subscriber = {
      ...joining,
      reader,
      controller,
      dropped,
      reads: [],
      isLive: true,
      seen: 0,
    };
    const start = this.#startOf();
    const closed = track(reader.closed);
    this.#subscribers.push({ ...subscriber, queue: queue as PolicyQueue<Chunk>, start, closed });
  }

  #startOf(): number {
    if (this.#retain === "last") return Math.max(0, this.#published.length - 1);
    const key = this.#ring.findLast(({ kind }) => kind === "key");
    if (this.#retain === "last-keyframe" && key) return key.id;
    return this.#published.length;
  }

  #readFrom(subscriber: Subscriber | undefined): void {
    if (!subscriber || pending(subscriber.reads) > 1) return;
    subscriber.reads.push(track(subscriber.reader.read()));
  }

  async #leave(subscriber: Subscriber | undefined, how: "cancel" | "signal"): Promise<void> {
    if (!subscriber) return;
    subscriber.isLive = false;
    if (how === "cancel") await subscriber.reader.cancel().catch(() => {});
    else subscriber.controller.abort(new Error("signal"));
  }

  /** Lets the hungry ones read all there is. */
  async #feed(): Promise<void> {
    await settle();
    for (let turn = 0; turn < 8; turn++) {
      const waiting = this.#live().filter(({ isHungry, reads }) => isHungry && !pending(reads));
      if (waiting.length === 0) return;
      for (const subscriber of waiting) this.#readFrom(subscriber);
      await settle();
    }
  }

  /** Everything published is delivered, dropped or waiting, for every subscriber. */
  async #checkBooks(): Promise<void> {
    // Counting shows every policy what it has not seen, and some throw at it.
    this.#hub.stats();
    await settle();
    expect(this.#hub.stats()).toMatchObject({
      published: this.#published.length,
      subscribers: this.#live().length,
      retained: this.#ring.length,
      retainedSize: this.#ring.reduce((sum, { size }) => sum + size, 0),
    });
    for (const subscriber of this.#live()) {
      const { queue, policy, dropped, start, isHungry } = subscriber;
      const got = delivered(subscriber);
      expect(got.length + dropped.length + queue.length).toBe(this.#published.length - start);
      expect(faultIn(policy, this.#published.slice(start), got)).toBeUndefined();
      for (const chunk of held(queue)) {
        const mayOutlive = isKept(policy, chunk) || policy.startsWith("conflate");
        holds(mayOutlive || chunk.id >= (this.#ring[0]?.id ?? 0), "what waits is in the ring");
      }
      if (isHungry) expect(queue.length).toBe(0);
    }
  }

  #live(): Subscriber[] {
    for (const subscriber of this.#subscribers) {
      if (subscriber.closed.state !== "pending") subscriber.isLive = false;
    }
    return this.#subscribers.filter(({ isLive }) => isLive);
  }

  #pick(index: number): Subscriber | undefined {
    return this.#subscribers[index];
  }
}

function delivered({ reads }: Subscriber): Chunk[] {
  return reads.flatMap(({ value }) => (value?.value ? [value.value] : []));
}

/** Whether the policy keeps the chunk, however old and wherever the ring is. */
function isKept(policy: string, { kind }: Chunk): boolean {
  return policy.startsWith("keyframes") && kind === "required";
}

function held(queue: PolicyQueue<Chunk>): Chunk[] {
  return Array.from({ length: queue.length }, (_, n) => queue.at(queue.first + n).chunk);
}
