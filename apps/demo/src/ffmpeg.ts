import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import type { Readable } from "node:stream";
import { SpillwayError } from "@spillway/streams";
import { type IvfFrame, readIvf } from "./ivf.ts";

/** How {@link ffmpegFrames} runs. */
export interface FfmpegOptions {
  /** A recording is read at its own speed and looped; a live input comes as it comes. */
  readonly input: "recording" | "live";
  /** Stops the program; the frames end with its reason. */
  readonly signal: AbortSignal;
}

/** What it makes. */
export const FFMPEG_BITS_PER_SECOND = 2_400_000;

const FILTER =
  "scale=640:360:force_original_aspect_ratio=decrease,pad=640:360:-1:-1,fps=30,format=yuv420p";
const ENCODER =
  "-c:v libvpx -deadline realtime -cpu-used 8 " +
  `-b:v ${FFMPEG_BITS_PER_SECOND} -maxrate ${FFMPEG_BITS_PER_SECOND} -bufsize 1200k ` +
  "-g 30 -keyint_min 30 -auto-alt-ref 0 -lag-in-frames 0 -flush_packets 1 -f ivf pipe:1";

/**
 * Has `ffmpeg` turn any input it understands into VP8 of 640 × 360 at 30 frames/s.
 *
 * Backpressure: reads the program's output only as frames are asked for; while nobody asks, the
 * program waits on its pipe.
 *
 * @param source - a file, device or address, as for `ffmpeg -i`
 * @throws {@link SpillwayError} with `SPW_ERR_SOURCE` when `ffmpeg` is missing or fails
 */
export async function* ffmpegFrames(
  source: string,
  options: FfmpegOptions,
): AsyncGenerator<IvfFrame, void, undefined> {
  const { signal } = options;
  const pace = options.input === "recording" ? ["-re", "-stream_loop", "-1"] : [];
  const child = spawn(
    "ffmpeg",
    ["-nostdin", "-hide_banner", "-loglevel", "error", ...pace, "-i", source].concat(
      ["-map", "0:v:0", "-vf", FILTER],
      ENCODER.split(" "),
    ),
    { stdio: ["ignore", "pipe", "pipe"] },
  );
  const ended = outcome(child, source);
  const stop = (): boolean => child.kill("SIGKILL");
  signal.addEventListener("abort", stop);
  try {
    signal.throwIfAborted();
    yield* readIvf(child.stdout);
    await ended;
  } catch (error) {
    signal.throwIfAborted();
    // A stream cut short is how a failure shows first; the program says why.
    await ended;
    throw error;
  } finally {
    signal.removeEventListener("abort", stop);
    stop();
  }
}

/** Settles when the program has ended, with an error when it could not run or failed. */
function outcome(
  child: ChildProcessByStdio<null, Readable, Readable>,
  source: string,
): Promise<void> {
  let tail = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    tail = (tail + text).slice(-1_000);
  });
  const ended = once(child, "close").then(
    ([exitCode, signal]: (number | string | null)[]) => {
      if (exitCode === 0) return;
      const lastLine = tail.trimEnd().split("\n").at(-1);
      const why = lastLine || (signal ? `it was ended by ${signal}` : `exit code ${exitCode}`);
      throw new SpillwayError("SPW_ERR_SOURCE", `Cannot read ${source} with ffmpeg: ${why}`);
    },
    (cause: unknown) => {
      const missing = (cause as NodeJS.ErrnoException).code === "ENOENT";
      const why = missing ? "it is not installed" : String(cause);
      const message = `Cannot start ffmpeg for ${source}: ${why}`;
      throw new SpillwayError("SPW_ERR_SOURCE", message, { cause });
    },
  );
  // Whoever stops reading first does not ask any more.
  ended.catch(() => {});
  return ended;
}
