import type { Broadcast } from "../broadcast.ts";
import { keyframes, type KeyframesOptions } from "../keyframes.ts";
import type { LayeredOptions } from "../layers.ts";
import { LayerChoice } from "./layer-choice.ts";
import { EMPTY, type Sink, type Source } from "./protocol.ts";
import { ReadableEnd } from "./readable-end.ts";
import { reportUncaught } from "./report.ts";
import { WritableEnd } from "./writable-end.ts";

/** What all viewers of a layered source share. */
export interface LayeredSettings<T, E> {
  /** From the least to the best. */
  readonly hubs: readonly Broadcast<T, E>[];
  readonly needs: readonly number[];
  readonly pictures: KeyframesOptions<T>;
}

/** One viewer: it subscribes to the hub of a layer, and to another's while it waits for a keyframe there. */
export class LayeredView<T, E> implements Source<E> {
  readonly end: ReadableEnd<E> = new ReadableEnd<E>(this);
  readonly #settings: LayeredSettings<T, E>;
  readonly #options: LayeredOptions<T>;
  readonly #choice: LayerChoice;
  #active: Port<T, E>;
  #next: Port<T, E> | undefined;
  /** Layers that were to come, and whose hubs have ended. */
  readonly #ended = new Set<number>();
  #bitrates: AsyncIterator<number> | undefined;
  #bitrate: number | undefined;
  #switches = 0;
  /** What comes while the consumer asks is the answer. */
  #isTaking = false;
  #isOver = false;

  constructor(settings: LayeredSettings<T, E>, options: LayeredOptions<T>) {
    this.#settings = settings;
    this.#options = options;
    this.#choice = new LayerChoice(settings.needs);
    this.#active = new Port(this, 0, true);
    const { signal } = options;
    if (signal?.aborted) this.#onAbort();
    else signal?.addEventListener("abort", this.#onAbort);
    if (!this.#isOver) void this.#follow();
  }

  get layer(): number {
    return this.#active.layer;
  }

  get switches(): number {
    return this.#switches;
  }

  take(): E | typeof EMPTY {
    // What the layer before has handed over comes first.
    if (this.#next?.isReady && this.#active.isEmpty) this.#switch(this.#next);
    this.#isTaking = true;
    const chunk = this.#active.take();
    this.#isTaking = false;
    this.#closeWhenEmpty();
    return chunk;
  }

  cancel(reason: unknown): void {
    this.#finish(reason);
  }

  /** Subscribes `port` to the hub of its layer. */
  subscribe(port: Port<T, E>): ReadableStream<E> {
    const { highWaterMark, maxAgeMs, onDrop } = this.#options;
    const { hubs, pictures } = this.#settings;
    const isKey = (chunk: T): boolean => port.sees(pictures.isKey(chunk));
    return (hubs[port.layer] as Broadcast<T, E>).subscribe({
      overflow: keyframes({ ...pictures, isKey }),
      highWaterMark,
      maxAgeMs,
      // What is missing in a layer that is not watched was seen in another.
      onDrop: (dropped, reason) => {
        if (port.isWatched) onDrop?.(dropped, reason);
      },
    });
  }

  /** Whether a chunk from `port` would go on, or says that a switch can be made. */
  wants(port: Port<T, E>): boolean {
    return port === this.#next || this.#isTaking || this.end.isWanted;
  }

  /** Passes on a chunk; `false` leaves it with `port`. */
  push(port: Port<T, E>, chunk: E): boolean {
    this.#choose();
    return port === this.#active && !this.#isTaking && this.end.push(chunk);
  }

  /** `port` has a chunk. */
  wake(port: Port<T, E>): void {
    const isIn = port === this.#active || port === this.#next;
    if (isIn && !this.#isTaking) this.end.wake();
  }

  /** The hub of `port` has closed. */
  close(port: Port<T, E>): void {
    if (port === this.#next) this.#lose(port);
    this.wake(port);
    this.#closeWhenEmpty();
  }

  /** The hub of `port` failed. */
  fail(port: Port<T, E>, reason: unknown): void {
    if (port === this.#next) this.#lose(port);
    if (port !== this.#active || this.#isOver) return;
    this.#finish(reason);
    this.end.error(reason);
  }

  readonly #onAbort = (): void => this.fail(this.#active, this.#options.signal?.reason);

  async #follow(): Promise<void> {
    try {
      const bitrates = this.#options.targetBitrate[Symbol.asyncIterator]();
      this.#bitrates = bitrates;
      for await (const bitrate of { [Symbol.asyncIterator]: () => bitrates }) {
        if (this.#isOver) return;
        this.#bitrate = bitrate;
        this.#choose();
      }
    } catch (error) {
      // The viewer stays with what it has.
      reportUncaught(error);
    }
  }

  /** They may tell nothing more for ever, and hold what they look at. */
  async #unfollow(): Promise<void> {
    try {
      await this.#bitrates?.return?.();
    } catch (error) {
      reportUncaught(error);
    }
  }

  /** Has the layer that there is room for subscribed to; it is switched to when it has a keyframe. */
  #choose(): void {
    if (this.#bitrate === undefined || this.#isOver) return;
    let layer = this.#choice.choose(this.#bitrate, performance.now());
    while (this.#ended.has(layer)) layer--;
    if (layer < 0) layer = this.#active.layer;
    const chosen = (this.#next ?? this.#active).layer;
    if (layer === chosen) return;
    this.#next?.leave();
    this.#next = undefined;
    if (layer === this.#active.layer) return;
    try {
      this.#next = new Port(this, layer, false);
    } catch (error) {
      // What a hub retains is told by the user.
      this.#ended.add(layer);
      reportUncaught(error);
    }
  }

  /** What was to come does not; nothing of it has been watched. */
  #lose({ layer }: Port<T, E>): void {
    this.#ended.add(layer);
    this.#next = undefined;
    this.#choose();
  }

  #switch(port: Port<T, E>): void {
    const left = this.#active;
    this.#active = port;
    port.isWatched = true;
    this.#next = undefined;
    this.#switches++;
    left.leave();
    try {
      this.#options.onLayer?.(port.layer);
    } catch (error) {
      reportUncaught(error);
    }
  }

  #closeWhenEmpty(): void {
    if (!this.#active.isClosed || this.#next?.isReady || this.#isOver) return;
    this.#finish();
    this.end.close();
  }

  #finish(reason?: unknown): void {
    this.#isOver = true;
    this.#options.signal?.removeEventListener("abort", this.#onAbort);
    this.#next?.leave(reason);
    this.#active.leave(reason);
    void this.#unfollow();
  }
}

/** Where the pictures of one layer come in for one viewer. */
class Port<T, E> implements Sink<E> {
  readonly layer: number;
  isWatched: boolean;
  readonly #view: LayeredView<T, E>;
  readonly #end = new WritableEnd<E>(this);
  readonly #left = new AbortController();
  #chunk: E | typeof EMPTY = EMPTY;
  #isLive: boolean;
  #hasKey = false;
  #isEnded = false;

  /** @param isWatched - whether it is the first; else what the hub retains was seen in another layer */
  constructor(view: LayeredView<T, E>, layer: number, isWatched: boolean) {
    this.layer = layer;
    this.#view = view;
    this.isWatched = isWatched;
    this.#isLive = isWatched;
    const readable = view.subscribe(this);
    this.#isLive = true;
    // How it ends, this sink is told.
    readable.pipeTo(this.#end.stream, { signal: this.#left.signal }).catch(() => {});
  }

  /** Notes a keyframe, and whether it counts as one. */
  sees(isKey: boolean): boolean {
    const counts = isKey && this.#isLive;
    this.#hasKey ||= counts;
    return counts;
  }

  get isEmpty(): boolean {
    return this.#chunk === EMPTY;
  }

  /** Whether the viewer may switch to it. */
  get isReady(): boolean {
    return this.#hasKey && !this.isEmpty;
  }

  /** Whether all has come and gone. */
  get isClosed(): boolean {
    return this.#isEnded && this.isEmpty;
  }

  get isFull(): boolean {
    return !this.isEmpty || !this.#view.wants(this);
  }

  get transitMs(): number {
    return this.#view.end.transitMs;
  }

  put(chunk: E): true {
    if (this.#view.push(this, chunk)) return true;
    this.#chunk = chunk;
    this.#view.wake(this);
    return true;
  }

  take(): E | typeof EMPTY {
    if (this.isEmpty) this.#end.wake();
    const chunk = this.#chunk;
    this.#chunk = EMPTY;
    return chunk;
  }

  close(): void {
    this.#isEnded = true;
    this.#view.close(this);
  }

  abort(reason: unknown): void {
    this.#view.fail(this, reason);
  }

  leave(reason?: unknown): void {
    this.#left.abort(reason);
  }
}
