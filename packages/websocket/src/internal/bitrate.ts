import type { ConnectionState } from "../stats.ts";
import { leavable } from "./leavable.ts";

/** Milliseconds from one look to the next. */
const LOOK_EVERY_MS = 250;
/** What is sent in so many of them is the rate of sending. */
const LOOKS = 4;
/** Of what a congested path takes, what is aimed at: the rest drains what waits. */
const KEPT = 0.85;
/** Below this share of time without room, a path is taken to have more. */
const EASED = 0.2;
/** How much a target grows in a second: while no limit was met, near the last one, and beyond. */
const STARTING = 1;
const NEAR = 0.02;
const BEYOND = 0.25;
/** What is near the last limit, as shares of it. */
const NEAR_FROM = 0.9;
const NEAR_TO = 1.1;
/** A path that is given little may have so many times as much; more would be a guess. */
const MOST = 4;
/** What is told is a change by more than that. */
const NOTABLE = 0.05;

/** What is known of a viewer. */
export interface Sending {
  readonly state: ConnectionState;
  /** Share of the time without room, of late. */
  readonly congestion: number;
  /** In all. */
  readonly sentBytes: number;
}

/**
 * How fast a source that adapts should send to one viewer. It falls below what the path takes when there is
 * no room for what is sent, and grows while there is: slowly near the last limit, faster where none is known.
 *
 * @see https://www.rfc-editor.org/rfc/rfc8298 for congestion control of sources that adapt
 */
export class BitrateTarget {
  readonly #sent: { readonly atMs: number; readonly bytes: number }[] = [];
  #value: number | undefined;
  /** What the path took when it was congested last. */
  #limit = Infinity;
  #congestion = 0;

  /** Looks at a viewer, every {@link LOOK_EVERY_MS}; tells bits a second, `undefined` while nothing is known. */
  look({ state, congestion, sentBytes }: Sending, nowMs: number): number | undefined {
    // A peer that has slept took little, and says nothing of its path.
    if (state === "frozen") this.#sent.length = 0;
    const rate = this.#rateAt(sentBytes, nowMs);
    if (rate === undefined) return this.#value;
    // Congestion is remembered for a while, and what adapts has been told.
    const isGrowing = congestion >= this.#congestion;
    this.#congestion = congestion;
    // While nothing is sent, nothing is learned.
    if (rate === 0) return this.#value;
    if (state === "congested") {
      if (isGrowing) this.#fall(rate);
    } else if (state === "healthy" && congestion < EASED) this.#rise(rate);
    return this.#value;
  }

  /** Bits a second that were sent of late. */
  #rateAt(bytes: number, atMs: number): number | undefined {
    this.#sent.push({ atMs, bytes });
    const [first] = this.#sent;
    if (!first || this.#sent.length <= LOOKS) return undefined;
    this.#sent.shift();
    return ((bytes - first.bytes) * 8_000) / Math.max(atMs - first.atMs, 1);
  }

  #fall(rate: number): void {
    this.#limit = rate;
    this.#value = Math.min(this.#value ?? Infinity, KEPT * rate);
  }

  #rise(rate: number): void {
    const value = this.#value ?? rate;
    const pace = this.#paceAt(value);
    const grown = value * (1 + (pace * LOOK_EVERY_MS) / 1_000);
    this.#value = Math.max(value, Math.min(grown, MOST * rate));
  }

  #paceAt(value: number): number {
    if (this.#limit === Infinity) return STARTING;
    const isNear = value > NEAR_FROM * this.#limit && value < NEAR_TO * this.#limit;
    return isNear ? NEAR : BEYOND;
  }
}

/**
 * What `percentile` of the viewers cannot take, in bits a second, and each change of it.
 *
 * @param viewers - looked at anew each time
 * @param isOver - when to end
 */
export function bitratesOf<Viewer extends { stats(): Sending }>(
  viewers: Iterable<Viewer>,
  percentile: number,
  isOver: () => boolean,
): AsyncIterable<number> {
  return {
    [Symbol.asyncIterator]: () =>
      leavable((isLeft) => bitrates(viewers, percentile, () => isLeft() || isOver())),
  };
}

async function* bitrates<Viewer extends { stats(): Sending }>(
  viewers: Iterable<Viewer>,
  percentile: number,
  isOver: () => boolean,
): AsyncGenerator<number, void, void> {
  const targets = new WeakMap<Viewer, BitrateTarget>();
  let told: number | undefined;
  while (!isOver()) {
    const bitrate = shareOf(lookAt(viewers, targets), percentile);
    if (bitrate !== undefined && isNotable(bitrate, told)) {
      told = bitrate;
      yield Math.round(bitrate);
    }
    await new Promise<void>((resolve) => {
      setTimeout(resolve, LOOK_EVERY_MS).unref();
    });
  }
}

/** The targets of those that take something: who sleeps gets its drops, whatever is sent. */
function lookAt<Viewer extends { stats(): Sending }>(
  viewers: Iterable<Viewer>,
  targets: WeakMap<Viewer, BitrateTarget>,
): number[] {
  const nowMs = performance.now();
  const found: number[] = [];
  for (const viewer of viewers) {
    const target = targets.get(viewer) ?? new BitrateTarget();
    targets.set(viewer, target);
    const stats = viewer.stats();
    const value = target.look(stats, nowMs);
    const isTaking = stats.state === "healthy" || stats.state === "congested";
    if (value !== undefined && isTaking) found.push(value);
  }
  return found;
}

function shareOf(values: number[], percentile: number): number | undefined {
  values.sort((a, b) => a - b);
  return values[Math.min(Math.floor((values.length * percentile) / 100), values.length - 1)];
}

function isNotable(bitrate: number, told: number | undefined): boolean {
  return told === undefined || Math.abs(bitrate - told) > NOTABLE * told;
}
