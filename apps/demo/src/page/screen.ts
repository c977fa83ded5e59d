import { decodePicture, type Picture } from "../picture.js";

/** What a worker tells the page of what it shows, twice a second. */
export interface ScreenReport {
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

/** Pictures the decoder may be behind before the screen goes on with the next keyframe. */
const MAX_DECODING = 10;

/** Decodes pictures and draws them on a canvas. */
export class Screen {
  readonly #canvas: OffscreenCanvas;
  readonly #context: OffscreenCanvasRenderingContext2D | null;
  readonly #decoding = new Map<number, Picture>();
  readonly #shownAt: number[] = [];
  readonly #failed: () => void;
  #decoder: VideoDecoder;
  #gaps = 0;
  #expected: number | undefined;
  #needsKey = true;
  #shown: Picture | undefined;

  /** @param failed - the decoder has, and can go on with a keyframe only */
  constructor(canvas: OffscreenCanvas, failed: () => void = () => {}) {
    this.#canvas = canvas;
    this.#failed = failed;
    this.#context = canvas.getContext("2d", { alpha: false });
    this.#decoder = this.#makeDecoder();
  }

  /** Takes a message of the video. */
  take(message: Uint8Array<ArrayBuffer>): void {
    const picture = decodePicture(message);
    if (this.#expected !== undefined && picture.sequence !== this.#expected) {
      this.#gaps += Math.max(0, picture.sequence - this.#expected);
      this.#needsKey = true;
    }
    this.#expected = picture.sequence + 1;
    if (this.#decoder.decodeQueueSize > MAX_DECODING) this.#needsKey = true;
    if (this.#needsKey && !picture.key) return;
    this.#needsKey = false;
    const timestamp = picture.sequence * 1_000;
    this.#decoding.set(timestamp, picture);
    const type = picture.key ? "key" : "delta";
    this.#decoder.decode(new EncodedVideoChunk({ type, timestamp, data: picture.payload }));
  }

  /** Something is missing, or what comes next is of another connection. */
  restart(): void {
    this.#needsKey = true;
  }

  report(): ScreenReport {
    const since = performance.now() - 1_000;
    while ((this.#shownAt[0] ?? Infinity) < since) this.#shownAt.shift();
    const shown = this.#shown;
    return {
      fps: this.#shownAt.length,
      gaps: this.#gaps,
      sequence: shown?.sequence,
      layer: shown?.layer,
      publishedAt: shown?.publishedAt,
      ageMs: shown && Date.now() - shown.publishedAt,
    };
  }

  #makeDecoder(): VideoDecoder {
    const decoder = new VideoDecoder({
      output: (frame) => this.#show(frame),
      error: () => {
        this.#decoder = this.#makeDecoder();
        this.#needsKey = true;
        this.#failed();
      },
    });
    decoder.configure({ codec: "vp8", optimizeForLatency: true });
    return decoder;
  }

  #show(frame: VideoFrame): void {
    const picture = this.#decoding.get(frame.timestamp);
    for (const timestamp of this.#decoding.keys()) {
      if (timestamp <= frame.timestamp) this.#decoding.delete(timestamp);
    }
    this.#context?.drawImage(frame, 0, 0, this.#canvas.width, this.#canvas.height);
    frame.close();
    if (picture) this.#shown = picture;
    this.#shownAt.push(performance.now());
  }
}
