import type { Admission, Entry, OverflowPolicy, PolicyQueue, Verdict } from "./policy.ts";
import { checkFunction, wrongType } from "./options.ts";

/** How {@link keyframes} tells the kinds of chunk apart. */
export interface KeyframesOptions<T> {
  /** Whether a picture can be decoded by itself. */
  readonly isKey: (chunk: T) => boolean;
  /** Whether no other picture refers to this one (a temporal layer, a non-reference frame). */
  readonly isDroppable?: ((chunk: T) => boolean) | undefined;
  /** Whether the chunk must never be dropped, however old: a configuration record, audio. */
  readonly isRequired?: ((chunk: T) => boolean) | undefined;
}

/**
 * The overflow policy for encoded video: what it lets through can always be decoded.
 *
 * Backpressure: never waits. Droppable pictures go first, then whole groups of pictures, oldest
 * first; when only the current group is left the incoming picture is refused and with it every
 * picture up to the next keyframe. A keyframe larger than the bound enters an empty queue. A queue
 * full of required chunks errors the stream with `SPW_ERR_OVERFLOW`.
 *
 * @param options - how to tell the kinds of chunk apart
 * @returns a policy for `overflow`, usable on any number of queues
 *
 * @example
 * ```ts
 * import { bounded, keyframes } from "@spillway/streams";
 *
 * const { readable, writable } = bounded<EncodedVideoChunk>({
 *   highWaterMark: 256 * 1024,
 *   size: (chunk) => chunk.byteLength,
 *   overflow: keyframes({ isKey: (chunk) => chunk.type === "key" }),
 * });
 * ```
 */
export function keyframes<T>(options: KeyframesOptions<T>): OverflowPolicy<T> {
  if (typeof options?.isKey !== "function") {
    throw wrongType("isKey", "a function", options?.isKey);
  }
  checkFunction("isDroppable", options.isDroppable);
  checkFunction("isRequired", options.isRequired);
  return { name: "keyframes", start: (queue) => startKeyframes(queue, options) };
}

function startKeyframes<T>(queue: PolicyQueue<T>, options: KeyframesOptions<T>): Admission<T> {
  const isRequired = ({ chunk }: Entry<T>): boolean => options.isRequired?.(chunk) ?? false;
  const isKey = (entry: Entry<T>): boolean => !isRequired(entry) && options.isKey(entry.chunk);
  const isDroppable = (entry: Entry<T>): boolean =>
    options.isDroppable !== undefined &&
    !isRequired(entry) &&
    !options.isKey(entry.chunk) &&
    options.isDroppable(entry.chunk);
  // True while incoming deltas refer to a picture that the consumer will not get.
  let awaitingKey = true;

  const dropDroppable = (size: number): void => {
    if (!options.isDroppable) return;
    queue.dropWhere("droppable", (entry) => !queue.fits(size) && isDroppable(entry));
  };

  const findKey = (from: number): number => {
    for (let position = from; position < queue.next; position++) {
      if (isKey(queue.at(position))) return position;
    }
    return -1;
  };

  /** Drops the pictures from the front up to `end`, which starts another group. */
  const dropGroup = (end: number): void =>
    queue.dropWhere("group", (entry, position) => position < end && !isRequired(entry));

  const dropOldGroups = (size: number): void => {
    while (!queue.fits(size)) {
      const oldest = findKey(queue.first);
      const end = oldest < 0 ? -1 : findKey(oldest + (hasPicturesBefore(oldest) ? 0 : 1));
      if (end < 0) return;
      dropGroup(end);
    }
  };

  const hasPicturesBefore = (end: number): boolean => {
    for (let position = queue.first; position < end; position++) {
      if (!isRequired(queue.at(position))) return true;
    }
    return false;
  };

  const admitKey = (entry: Entry<T>): Verdict => {
    dropDroppable(entry.size);
    dropOldGroups(entry.size);
    if (!queue.fits(entry.size)) dropGroup(queue.next);
    awaitingKey = !queue.fits(entry.size);
    return awaitingKey ? queue.refuse(entry, "newest") : "queue";
  };

  const admitDelta = (entry: Entry<T>): Verdict => {
    if (awaitingKey) return queue.refuse(entry, "keyframe");
    if (queue.fits(entry.size)) return "queue";
    if (isDroppable(entry)) return queue.refuse(entry, "droppable");
    dropDroppable(entry.size);
    dropOldGroups(entry.size);
    if (queue.fits(entry.size)) return "queue";
    awaitingKey = true;
    return queue.refuse(entry, "newest");
  };

  const admitRequired = (entry: Entry<T>): Verdict => {
    dropDroppable(entry.size);
    dropOldGroups(entry.size);
    if (!queue.fits(entry.size)) {
      dropGroup(queue.next);
      awaitingKey = true;
    }
    return queue.fits(entry.size) ? "queue" : "overflow";
  };

  return {
    admit: (entry) => {
      if (isRequired(entry)) return admitRequired(entry);
      return isKey(entry) ? admitKey(entry) : admitDelta(entry);
    },
    keeps: isRequired,
    lost: (entry) => {
      if (isDroppable(entry)) return;
      const key = findKey(queue.first);
      const end = key < 0 ? queue.next : key;
      queue.dropWhere("keyframe", (next, position) => position < end && !isRequired(next));
      if (key < 0) awaitingKey = true;
    },
  };
}
