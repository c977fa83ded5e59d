import { expect } from "vitest";
import { bounded, type Bounded, type DropReason, type Overflow } from "../src/index.ts";
import { type Chunk, faultIn, MARK, pending, settle, track, type Tracked } from "./model.ts";

/** Chunks to write without waiting, milliseconds to pass, or a call. */
export type Command = readonly Omit<Chunk, "id">[] | number | "read" | "close" | "abort" | "cancel";

interface Write extends Tracked<void> {
  readonly chunk: Chunk;
  /** When the stage was shown the chunk. */
  shown?: number;
}

/** A bounded pair under test, with everything that happened to it. */
export class BoundedRig {
  readonly #name: string;
  readonly #maxChunks: number;
  readonly #maxAgeMs: number;
  readonly #pair: Bounded<Chunk>;
  readonly #reader: ReadableStreamDefaultReader<Chunk>;
  readonly #writer: WritableStreamDefaultWriter<Chunk>;
  readonly #writes: Write[] = [];
  readonly #reads: Tracked<ReadableStreamReadResult<Chunk>>[] = [];
  readonly #ends: Tracked<void>[] = [];
  readonly #delivered: Chunk[] = [];
  readonly #dropped: [Chunk, DropReason][] = [];
  readonly #faults: string[] = [];
  #seen = 0;
  #time = 0;

  /** `mischief` is what `onDrop` does at the first drop. */
  constructor(
    name: string,
    overflow: Overflow<Chunk>,
    limits: { maxChunks: number; maxAgeMs: number },
    mischief: "read" | "write" | "abort" | "cancel" | undefined,
  ) {
    this.#name = name;
    this.#maxChunks = limits.maxChunks;
    this.#maxAgeMs = limits.maxAgeMs;
    this.#pair = bounded<Chunk>({
      ...limits,
      overflow,
      highWaterMark: MARK,
      size: ({ size }) => size,
      now: () => this.#time,
      onDrop: ({ chunk }, reason) => {
        this.#dropped.push([chunk, reason]);
        this.#checkBooks();
        // Node 20 asserts on an abort() inside an abort().
        if (mischief && this.#dropped.length === 1 && reason !== "aborted") this.#call(mischief);
      },
    });
    this.#reader = this.#pair.readable.getReader();
    this.#writer = this.#pair.writable.getWriter();
    this.#ends.push(track(this.#reader.closed), track(this.#writer.closed));
    track(this.#writer.ready);
  }

  async run(command: Command): Promise<void> {
    if (typeof command === "number") this.#time += command;
    else if (typeof command === "string") this.#call(command);
    else for (const draft of command) this.#write(draft);
    await settle();
    this.#look();
  }

  async check(): Promise<void> {
    // Counting drops what has expired, and `onDrop` may act on it.
    this.#checkBooks();
    await settle();
    this.#look();
    expect(this.#faults).toEqual([]);
    const { offered, delivered, queued, dropped } = this.#pair.stats();
    const taken = this.#writes.filter(({ state }) => state === "fulfilled").length;
    const refused = this.#writes.filter(({ state }) => state === "rejected").length;
    // The write that overflows is offered and rejected.
    expect([0, refused > 0 ? 1 : 0]).toContain(offered - taken);
    expect(delivered).toBe(this.#delivered.length);
    expect(dropped.chunks).toBe(this.#dropped.length);
    if (pending(this.#reads) > 0) {
      expect(queued).toBe(0);
      expect(pending(this.#writes)).toBe(0);
    }
    if (this.#name !== "wait") expect(pending(this.#writes)).toBe(0);
    const ids = [...this.#delivered, ...this.#dropped.map(([chunk]) => chunk)].map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
  }

  /** Closes what is still open, reads to the end, and looks for anything left pending. */
  async finish(): Promise<void> {
    this.#call("close");
    for (let turn = 0; turn <= this.#writes.length; turn++) await this.run("read");
    await this.check();
    expect(pending(this.#writes)).toBe(0);
    expect(pending(this.#reads)).toBe(0);
    expect(pending(this.#ends)).toBe(0);
    expect(this.#pair.stats().queued).toBe(0);
    const offered = this.#writes.map(({ chunk }) => chunk);
    expect(faultIn(this.#name, offered, this.#delivered)).toBeUndefined();
  }

  #write(draft: Omit<Chunk, "id">): void {
    const write: Write = { state: "pending", chunk: { ...draft, id: this.#writes.length } };
    // Listed first: `onDrop` may write within.
    this.#writes.push(write);
    // Node 20 throws on a write to a closed stream, where the standard rejects.
    const call = async (): Promise<void> => this.#writer.write(write.chunk);
    track(call(), write);
  }

  #call(method: "read" | "write" | "close" | "abort" | "cancel"): void {
    if (method === "write") this.#write({ kind: "key", topic: 0, size: 1 });
    else if (method === "read") this.#reads.push(track(this.#reader.read()));
    else if (method === "cancel") this.#ends.push(track(this.#reader.cancel(new Error("cancel"))));
    else if (method === "abort") this.#ends.push(track(this.#writer.abort(new Error("abort"))));
    else this.#ends.push(track(this.#writer.close()));
  }

  /** Notes what was shown to the stage and what came out since the last look. */
  #look(): void {
    const first = this.#writes.findIndex(({ state }) => state === "pending");
    for (const [index, write] of this.#writes.entries()) {
      if (first < 0 || index <= first) write.shown ??= this.#time;
    }
    for (const { state, value } of this.#reads.slice(this.#seen)) {
      if (state === "pending") return;
      this.#seen++;
      const chunk = value?.value;
      if (!chunk) continue;
      this.#delivered.push(chunk);
      const isKept = this.#name.startsWith("keyframes") && chunk.kind === "required";
      const age = this.#time - (this.#writes[chunk.id]?.shown ?? 0);
      if (!isKept) expect(age).toBeLessThanOrEqual(this.#maxAgeMs);
    }
  }

  /** Also called inside `onDrop`, where an exception would not reach the test. */
  #checkBooks(): void {
    const { offered, delivered, queued, queuedSize, dropped } = this.#pair.stats();
    if (delivered + dropped.chunks + queued !== offered) this.#faults.push("the books are wrong");
    if (queued > this.#maxChunks) this.#faults.push(`${queued} chunks are queued`);
    // A keyframe that fits no bound may wait beside what is required.
    const most = this.#name.startsWith("keyframes") ? 4 * MARK : MARK;
    if (queuedSize > most && queued > 1) this.#faults.push(`a size of ${queuedSize} is queued`);
  }
}
