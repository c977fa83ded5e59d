import { SpillwayError } from "@spillway/streams";
import { checkNumber } from "@spillway/streams/options";
import type { IvfFrame } from "./ivf.ts";
import type { Picture } from "./picture.ts";

/** How {@link clipSource} plays. */
export interface ClipOptions {
  /**
   * Pictures sent at once to catch up after a delay; a longer one is skipped up to a keyframe.
   *
   * @defaultValue `5`
   */
  readonly maxLatePictures?: number | undefined;
  /** Ends the clip: the stream errors with its reason. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Plays a clip from memory over and over, in real time, each picture in all its qualities.
 *
 * Backpressure: pull-based, one picture at a time when it is due (as often as there are qualities). Pictures are due by a schedule
 * that starts with the first read, so delays do not add up. Whoever reads too late (or a process
 * that stood still) skips to the newest keyframe that is due: `sequence` shows the gap, and is
 * never used twice.
 *
 * @param clips - the clip in each quality, the least first, shared and not changed; starts with a keyframe,
 *   time stamps increase, and all have the same time stamps and keyframes
 * @throws {@link SpillwayError} with `SPW_ERR_SOURCE` when the clip cannot be looped
 * @throws `TypeError` or `RangeError` with `code: "SPW_ERR_OPTION"`
 */
export function clipSource(
  clips: readonly (readonly IvfFrame[])[],
  options: ClipOptions = {},
): ReadableStream<Picture> {
  const maxLate = checkNumber("maxLatePictures", options.maxLatePictures, 5, {
    min: 1,
    integer: true,
  });
  const schedule = new Schedule(clips);
  let startedAt: number | undefined;
  let sequence = 0;
  let stopWaiting: (() => void) | undefined;
  const { signal } = options;
  let abort: (() => void) | undefined;

  return new ReadableStream<Picture>(
    {
      start(controller) {
        abort = () => {
          controller.error(signal?.reason);
          stopWaiting?.();
        };
        if (signal?.aborted) abort();
        else signal?.addEventListener("abort", abort, { once: true });
      },
      pull: (controller) => {
        const now = performance.now();
        startedAt ??= now;
        const playedMs = now - startedAt;
        if (playedMs >= schedule.dueMs(sequence + maxLate)) {
          sequence = Math.max(sequence, schedule.keyBefore(playedMs));
          // Plays on from that keyframe at its normal speed instead of in a burst.
          startedAt = now - schedule.dueMs(sequence);
        }
        const waitMs = startedAt + schedule.dueMs(sequence) - now;
        const publish = (): void => {
          for (const picture of schedule.pictures(sequence++)) controller.enqueue(picture);
        };
        if (waitMs <= 0) return publish();
        return new Promise<void>((resolve) => {
          const timer = setTimeout(() => {
            publish();
            resolve();
          }, waitMs);
          stopWaiting = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      },
      cancel() {
        if (abort) signal?.removeEventListener("abort", abort);
        stopWaiting?.();
      },
    },
    { highWaterMark: 0 },
  );
}

/** Which frame a sequence number is, and when it is due in an endless loop. */
class Schedule {
  readonly #clips: readonly (readonly IvfFrame[])[];
  /** Of the least quality; the times and kinds of all are the same. */
  readonly #frames: readonly IvfFrame[];
  readonly #firstMs: number;
  readonly #loopMs: number;

  constructor(clips: readonly (readonly IvfFrame[])[]) {
    const [frames = []] = clips;
    const [first, second] = frames;
    const last = frames.at(-1);
    if (!first || !second || !last) {
      throw refused(`it has ${frames.length} frames, want at least 2`);
    }
    if (!first.key) throw refused("its first frame is not a keyframe");
    const backwards = frames.findIndex((frame, index) => {
      const before = frames[index - 1];
      return before !== undefined && frame.timestampMs <= before.timestampMs;
    });
    if (backwards !== -1) throw refused(`frame ${backwards} has no later time than the one before`);
    const differs = clips.findIndex((clip) => !isAlike(clip, frames));
    if (differs !== -1)
      throw refused(`quality ${differs} has other times or keyframes than the least`);
    this.#clips = clips;
    this.#frames = frames;
    this.#firstMs = first.timestampMs;
    // The file does not say how long the last frame is shown: as long as the others.
    this.#loopMs = ((last.timestampMs - first.timestampMs) * frames.length) / (frames.length - 1);
  }

  dueMs(sequence: number): number {
    const loop = Math.floor(sequence / this.#frames.length);
    return loop * this.#loopMs + this.#frame(sequence).timestampMs - this.#firstMs;
  }

  /** The newest keyframe due after `playedMs`. */
  keyBefore(playedMs: number): number {
    const start = Math.floor(playedMs / this.#loopMs) * this.#frames.length;
    let key = start;
    for (let offset = 0; offset < this.#frames.length; offset++) {
      if (this.dueMs(start + offset) > playedMs) break;
      if (this.#frame(start + offset).key) key = start + offset;
    }
    return key;
  }

  /** The same picture in each quality. */
  pictures(sequence: number): Picture[] {
    const publishedAt = Date.now();
    return this.#clips.map((clip, layer) => {
      const { key, payload } = frameOf(clip, sequence);
      return { sequence, key, layer, publishedAt, payload };
    });
  }

  #frame(sequence: number): IvfFrame {
    return frameOf(this.#frames, sequence);
  }
}

function frameOf(clip: readonly IvfFrame[], sequence: number): IvfFrame {
  const frame = clip[sequence % clip.length];
  if (!frame) throw new RangeError(`Cannot find frame ${sequence}`);
  return frame;
}

function isAlike(one: readonly IvfFrame[], other: readonly IvfFrame[]): boolean {
  return (
    one.length === other.length &&
    one.every(({ key, timestampMs }, index) => {
      const frame = other[index];
      return frame?.key === key && frame.timestampMs === timestampMs;
    })
  );
}

function refused(what: string): SpillwayError {
  return new SpillwayError("SPW_ERR_SOURCE", `Cannot loop clip: ${what}`);
}
