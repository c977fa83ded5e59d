import { open, stat } from "node:fs/promises";
import { SpillwayError } from "@spillway/streams";
import { clipSource } from "./clip.ts";
import { FFMPEG_BITS_PER_SECOND, ffmpegFrames } from "./ffmpeg.ts";
import { type IvfFrame, readIvf } from "./ivf.ts";
import type { Picture } from "./picture.ts";

/** How {@link openVideo} opens. */
export interface OpenVideoOptions {
  /** Ends the video: the stream errors with its reason, and a program that was started is stopped. */
  readonly signal: AbortSignal;
}

/** What everyone watches. */
export interface Video {
  /** Each picture once in every quality; its `layer` says in which. */
  readonly pictures: ReadableStream<Picture>;
  /** What each quality needs, the least first. */
  readonly bitsPerSecond: readonly number[];
}

/** The same in three qualities, the least first. */
const BUILT_IN_CLIP = ["spillway-low", "spillway-mid", "spillway"].map(
  (name) => new URL(`../clip/${name}.ivf`, import.meta.url),
);
/** A clip is kept in memory; anything larger goes through `ffmpeg`. */
const MAX_CLIP_BYTES = 128 << 20;

/**
 * Opens the video that everyone watches, and resolves once there is a picture.
 *
 * Backpressure: pull-based. The clip skips what is read too late; a program waits on its pipe.
 *
 * @param source - `undefined`: the built-in clip; the path of an IVF file: looped as it stands;
 *   anything else: an input for `ffmpeg`
 * @throws {@link SpillwayError} with `SPW_ERR_SOURCE` when it cannot be opened or is not video
 */
export async function openVideo(
  source: string | undefined,
  { signal }: OpenVideoOptions,
): Promise<Video> {
  signal.throwIfAborted();
  if (source === undefined || source === "") return playClip(BUILT_IN_CLIP, signal);
  const bytes = await fileBytes(source);
  if (source.endsWith(".ivf") && (bytes ?? 0) <= MAX_CLIP_BYTES) {
    return playClip([source], signal);
  }
  const cancelled = new AbortController();
  const frames = ffmpegFrames(source, {
    input: bytes === undefined ? "live" : "recording",
    signal: AbortSignal.any([signal, cancelled.signal]),
  });
  const first = await frames.next();
  if (first.done) {
    throw new SpillwayError("SPW_ERR_SOURCE", `Cannot read ${source}: it has no pictures`);
  }
  const pictures = liveSource(first.value, frames, cancelled);
  return { pictures, bitsPerSecond: [FFMPEG_BITS_PER_SECOND] };
}

async function playClip(paths: readonly (string | URL)[], signal: AbortSignal): Promise<Video> {
  const clips = await Promise.all(paths.map((path) => readClip(path, signal)));
  return { pictures: clipSource(clips, { signal }), bitsPerSecond: clips.map(bitrateOf) };
}

/** Bits a second, on average. */
function bitrateOf(frames: readonly IvfFrame[]): number {
  const bytes = frames.reduce((sum, { payload }) => sum + payload.byteLength, 0);
  const [first, last] = [frames[0], frames.at(-1)];
  const ms = (last?.timestampMs ?? 0) - (first?.timestampMs ?? 0);
  return (bytes * 8_000) / Math.max((ms * frames.length) / (frames.length - 1), 1);
}

/** The size of a regular file, `undefined` for everything else. */
async function fileBytes(source: string): Promise<number | undefined> {
  const found = await stat(source).catch(() => undefined);
  return found?.isFile() ? found.size : undefined;
}

async function readClip(path: string | URL, signal: AbortSignal): Promise<IvfFrame[]> {
  try {
    const file = await open(path);
    const frames: IvfFrame[] = [];
    for await (const frame of readIvf(file.createReadStream({ signal }))) frames.push(frame);
    return frames;
  } catch (cause) {
    signal.throwIfAborted();
    if (cause instanceof SpillwayError) throw cause;
    const why = (cause as Error).message;
    throw new SpillwayError("SPW_ERR_SOURCE", `Cannot read the clip: ${why}`, { cause });
  }
}

/** Numbers and stamps frames as they come. */
function liveSource(
  first: IvfFrame,
  frames: AsyncGenerator<IvfFrame, void, undefined>,
  cancelled: AbortController,
): ReadableStream<Picture> {
  let waiting: IvfFrame | undefined = first;
  let sequence = 0;
  return new ReadableStream<Picture>(
    {
      async pull(controller) {
        const frame = waiting ?? (await frames.next()).value;
        waiting = undefined;
        if (!frame) return controller.close();
        const { key, payload } = frame;
        controller.enqueue({
          sequence: sequence++,
          key,
          layer: 0,
          publishedAt: Date.now(),
          payload,
        });
      },
      async cancel(reason) {
        // Frees a read that waits for a picture, which `return()` alone would wait for.
        cancelled.abort(reason);
        await frames.return().catch(() => {});
      },
    },
    { highWaterMark: 0 },
  );
}
