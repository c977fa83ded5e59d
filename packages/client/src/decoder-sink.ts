import { type Deferred, deferred, type Sink, WritableEnd } from "@spillway/streams/ends";
import { checkNumber, wrongType } from "@spillway/streams/options";

/** What is used of a decoder: a `VideoDecoder`, an `AudioDecoder`, or one that looks like them. */
export interface ChunkDecoder<Chunk> {
  readonly state: "unconfigured" | "configured" | "closed";
  readonly decodeQueueSize: number;
  decode(chunk: Chunk): void;
  flush(): Promise<unknown>;
  reset(): void;
  addEventListener(type: "dequeue", listener: () => void): void;
  removeEventListener(type: "dequeue", listener: () => void): void;
}

/** Makes a decoder whose callback `error` is `fail`, and configures it. */
export type MakeDecoder<Chunk> = (fail: (error: unknown) => void) => ChunkDecoder<Chunk>;

/** How far a decoder may be behind. */
export interface DecoderSinkOptions {
  /**
   * Chunks that may wait in the decoder before writes do.
   *
   * @defaultValue `2`
   */
  readonly maxQueue?: number | undefined;
}

/**
 * Makes a writable of a decoder of WebCodecs. Closing it flushes the decoder, and aborting it resets the
 * decoder; neither closes it.
 *
 * Backpressure: a write waits while `maxQueue` chunks wait in the decoder (`decodeQueueSize`), so that a
 * pipe from a connection with credits holds the server up as soon as decoding is slower than the network.
 *
 * @param decoder - configured; or what makes it, so that an error of the decoder is that of the stream,
 * where otherwise the stream can only tell that the decoder is closed
 * @param options - how far the decoder may be behind
 * @returns the writable; what it is given belongs to the decoder
 * @throws `TypeError` or `RangeError` with `code: "SPW_ERR_OPTION"`
 * @see https://www.w3.org/TR/webcodecs/#dom-videodecoder-decodequeuesize
 *
 * @example
 * ```ts
 * import { decoderSink } from "@spillway/client";
 *
 * function screen(canvas: HTMLCanvasElement): WritableStream<EncodedVideoChunk> {
 *   const context = canvas.getContext("2d");
 *   return decoderSink((error) => {
 *     const output = (frame: VideoFrame): void => {
 *       context?.drawImage(frame, 0, 0);
 *       frame.close();
 *     };
 *     const decoder = new VideoDecoder({ output, error });
 *     decoder.configure({ codec: "vp8", optimizeForLatency: true });
 *     return decoder;
 *   });
 * }
 * ```
 */
export function decoderSink<Chunk>(
  decoder: ChunkDecoder<Chunk> | MakeDecoder<Chunk>,
  { maxQueue }: DecoderSinkOptions = {},
): WritableStream<Chunk> {
  const most = checkNumber("maxQueue", maxQueue, 2, { min: 1, integer: true });
  return new DecoderSink<Chunk>(decoder, most).stream;
}

class DecoderSink<Chunk> implements Sink<Chunk> {
  readonly #decoder: ChunkDecoder<Chunk>;
  readonly #maxQueue: number;
  readonly #end: WritableEnd<Chunk>;
  /** The write that left no room. */
  #written: Deferred<void> | undefined;
  #isListening = false;

  constructor(decoder: ChunkDecoder<Chunk> | MakeDecoder<Chunk>, maxQueue: number) {
    this.#maxQueue = maxQueue;
    this.#end = new WritableEnd<Chunk>(this);
    const isMade = typeof decoder === "function";
    this.#decoder = isMade ? decoder((error) => this.#fail(error)) : decoder;
    if (typeof this.#decoder?.decode !== "function") {
      throw wrongType("decoder", "a decoder, or what makes one", decoder);
    }
  }

  get stream(): WritableStream<Chunk> {
    return this.#end.stream;
  }

  get isFull(): boolean {
    return this.#decoder.decodeQueueSize >= this.#maxQueue;
  }

  put(chunk: Chunk): boolean | Promise<void> {
    if (this.isFull) return this.#listen(false);
    try {
      this.#decoder.decode(chunk);
    } catch (error) {
      return Promise.reject(error);
    }
    if (!this.isFull) return true;
    this.#written = deferred();
    return this.#listen(this.#written.promise);
  }

  async close(): Promise<void> {
    // One that was never configured, or was reset, has nothing to flush.
    if (this.#decoder.state !== "unconfigured") await this.#decoder.flush();
  }

  abort(): void {
    this.#stop();
    if (this.#decoder.state !== "closed") this.#decoder.reset();
  }

  #listen<Answer>(answer: Answer): Answer {
    if (!this.#isListening) this.#decoder.addEventListener("dequeue", this.#look);
    this.#isListening = true;
    return answer;
  }

  /** A decoder that fails takes all out of its queue, and says so as ever. */
  readonly #look = (): void => {
    if (this.#decoder.state === "closed") this.#fail(closedDecoder());
    else if (!this.isFull) {
      this.#stop();
      this.#end.wake();
    }
  };

  #fail(error: unknown): void {
    this.#end.error(error);
    this.#stop();
  }

  #stop(): void {
    if (this.#isListening) this.#decoder.removeEventListener("dequeue", this.#look);
    this.#isListening = false;
    this.#written?.resolve();
    this.#written = undefined;
  }
}

function closedDecoder(): DOMException {
  return new DOMException("Cannot decode: the decoder is closed", "InvalidStateError");
}
