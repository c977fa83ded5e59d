import { decodePicture, type Picture } from "../picture.js";
import { Control } from "./control.js";
import { Feed } from "./feed.js";

/** What the page gives the worker, once. */
export interface WorkerStart {
  readonly url: string;
  readonly canvas: OffscreenCanvas;
  /** Absent where the page is not isolated; then nothing holds the worker up. */
  readonly memory: SharedArrayBuffer | undefined;
}

/** What the worker tells the page, twice a second. */
export interface WorkerReport {
  readonly connected: boolean;
  /** Pictures shown in the last second. */
  readonly fps: number;
  /** Pictures missing in the sequence since the page opened: dropped, or not waited for. */
  readonly gaps: number;
  /** The last picture shown. */
  readonly sequence: number | undefined;
  /** Its quality; 0 is the least. */
  readonly layer: number | undefined;
  readonly publishedAt: number | undefined;
  /** How old it is by now; both clocks are taken to agree. */
  readonly ageMs: number | undefined;
}

const REPORT_EVERY_MS = 500;
/** Pictures the decoder may be behind before the worker goes on with the next keyframe. */
const MAX_DECODING = 10;
/** Milliseconds of freeze after which what is on its way is too old to be worth decoding. */
const STALE_MS = 1_000;

addEventListener("message", ({ data }: MessageEvent<WorkerStart>) => start(data), { once: true });

function start({ url, canvas, memory }: WorkerStart): void {
  const control = memory && new Control(memory);
  const context = canvas.getContext("2d", { alpha: false });
  const decoding = new Map<number, Picture>();
  const shownAt: number[] = [];
  let connected = false;
  let gaps = 0;
  let expected: number | undefined;
  let needsKey = true;
  let shown: Picture | undefined;

  const show = (frame: VideoFrame): void => {
    const picture = decoding.get(frame.timestamp);
    for (const timestamp of decoding.keys()) {
      if (timestamp <= frame.timestamp) decoding.delete(timestamp);
    }
    context?.drawImage(frame, 0, 0, canvas.width, canvas.height);
    frame.close();
    if (picture) shown = picture;
    shownAt.push(performance.now());
  };
  const makeDecoder = (): VideoDecoder => {
    const made = new VideoDecoder({
      output: show,
      error: () => {
        decoder = makeDecoder();
        needsKey = true;
      },
    });
    made.configure({ codec: "vp8", optimizeForLatency: true });
    return made;
  };
  let decoder = makeDecoder();

  const take = (picture: Picture): void => {
    if (expected !== undefined && picture.sequence !== expected) {
      gaps += Math.max(0, picture.sequence - expected);
      needsKey = true;
    }
    expected = picture.sequence + 1;
    if (decoder.decodeQueueSize > MAX_DECODING) needsKey = true;
    if (needsKey && !picture.key) return;
    needsKey = false;
    const timestamp = picture.sequence * 1_000;
    decoding.set(timestamp, picture);
    const type = picture.key ? "key" : "delta";
    decoder.decode(new EncodedVideoChunk({ type, timestamp, data: picture.payload }));
  };

  const feed = new Feed(url, {
    message: (data) => {
      if (typeof data === "string") return;
      const frozenMs = control?.hold(data.byteLength) ?? 0;
      if (frozenMs > STALE_MS) feed.restart();
      else take(decodePicture(data));
    },
    connected: (isConnected) => {
      connected = isConnected;
      needsKey = true;
    },
  });
  feed.start();

  setInterval(() => {
    const since = performance.now() - 1_000;
    while ((shownAt[0] ?? Infinity) < since) shownAt.shift();
    const report: WorkerReport = {
      connected,
      fps: shownAt.length,
      gaps,
      sequence: shown?.sequence,
      layer: shown?.layer,
      publishedAt: shown?.publishedAt,
      ageMs: shown && Date.now() - shown.publishedAt,
    };
    postMessage(report);
  }, REPORT_EVERY_MS);
}
