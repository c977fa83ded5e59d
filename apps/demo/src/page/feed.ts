/** What a {@link Feed} tells. */
export interface FeedListener {
  message(data: string | ArrayBuffer): void;
  connected(isConnected: boolean): void;
}

/** First and last delay before connecting again, in milliseconds; the very first try is at once. */
const FIRST_DELAY_MS = 250;
const LAST_DELAY_MS = 5_000;

const TRY_AGAIN_LATER = 1013;

/** A WebSocket that connects again: a page that was frozen finds its socket closed on waking. */
export class Feed {
  readonly #url: string;
  readonly #listener: FeedListener;
  #socket: WebSocket | undefined;
  #failures = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(url: string, listener: FeedListener) {
    this.#url = url;
    this.#listener = listener;
  }

  /** Connects, now and whenever the connection is lost. */
  start(): void {
    this.#connect();
  }

  /** Drops the connection with all that is on its way, and connects anew at once. */
  restart(): void {
    this.#failures = 0;
    this.#drop();
    this.#connect();
  }

  #connect(): void {
    clearTimeout(this.#timer);
    const socket = new WebSocket(this.#url);
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    socket.addEventListener("message", ({ data }: MessageEvent<string | ArrayBuffer>) => {
      if (socket !== this.#socket) return;
      this.#failures = 0;
      this.#listener.message(data);
    });
    socket.addEventListener("open", () => {
      if (socket === this.#socket) this.#listener.connected(true);
    });
    socket.addEventListener("close", ({ code }) => {
      if (socket !== this.#socket) return;
      if (code === TRY_AGAIN_LATER) this.#failures = Math.max(this.#failures, 2);
      this.#listener.connected(false);
      this.#retry();
    });
  }

  #retry(): void {
    const delay = Math.min(LAST_DELAY_MS, FIRST_DELAY_MS * 2 ** (this.#failures - 1));
    const wait = this.#failures === 0 ? 0 : delay * (0.5 + Math.random() / 2);
    this.#failures++;
    this.#timer = setTimeout(() => this.#connect(), wait);
  }

  #drop(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.close();
    this.#listener.connected(false);
  }
}
