import { connect, type Socket } from "node:net";
import { WebSocket, type ClientOptions } from "ws";
import { checkNumber, checkOneOf, checkUrl, MAX_TIMER_MS } from "./internal/check.ts";
import { nextTurn } from "./internal/clock.ts";
import { WebSocketPeer } from "./internal/web-socket-peer.ts";
import type { Peer } from "./peer.ts";
import { checkPace, type ReadPace } from "./read-pace.ts";

/** How a peer connects and behaves. */
export interface PeerOptions {
  /**
   * How fast it reads after the handshake.
   *
   * @defaultValue `"fast"`
   */
  readonly read?: ReadPace | undefined;
  /**
   * Which pings it answers: each one, only the latest of those read in one turn (RFC 6455 section
   * 5.5.3 allows that), or none.
   *
   * @defaultValue `"all"`
   */
  readonly pongs?: "all" | "latest" | "none" | undefined;
  /** Headers of the upgrade request. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** The subprotocols offered. */
  readonly protocols?: readonly string[] | undefined;
  /**
   * How long a closing handshake may take before the socket is dropped, in milliseconds.
   *
   * @defaultValue `2_000`
   */
  readonly closeTimeoutMs?: number | undefined;
  /** Gives up the handshake; it does nothing once the peer is connected. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Connects a WebSocket client that reads as slowly as told and ends as rudely as told.
 *
 * It runs on real sockets and in real time, also under fake timers. It starts to read one turn of
 * the event loop after the promise resolves, so a listener attached at once misses nothing.
 *
 * Backpressure: what it does not read stays in the kernel; beside that, up to 64 KiB that were on
 * their way into the process when it stopped. It keeps no message.
 *
 * @param url - the address, with the scheme `ws:`
 * @param options - its pace, and what it says in the handshake
 * @returns the peer, connected
 * @throws `Error` when the server cannot be reached or refuses; the message names the HTTP status
 * @throws `TypeError` or `RangeError` for an option that is not allowed
 * @see https://www.rfc-editor.org/rfc/rfc6455
 *
 * @example
 * ```ts
 * import { connectPeer } from "@spillway/testing/node";
 *
 * const sleeper = await connectPeer("ws://127.0.0.1:3000/streams/video", { read: "never" });
 * sleeper.thaw();
 * const [first] = await sleeper.collect(1);
 * console.log(typeof first);
 * sleeper.reset();
 * ```
 */
export async function connectPeer(url: string | URL, options: PeerOptions = {}): Promise<Peer> {
  const address = checkUrl(url);
  const { read = "fast", pongs = "all", closeTimeoutMs = 2_000, signal } = options;
  const { headers = {}, protocols = [] } = options;
  checkPace("read", read);
  checkOneOf("pongs", pongs, ["all", "latest", "none"]);
  checkNumber("closeTimeoutMs", closeTimeoutMs, { min: 0, max: MAX_TIMER_MS });
  signal?.throwIfAborted();

  // Made here, so that the socket is ours: `ws` has no public way to reset its own.
  const socket = connect(Number(address.port || 80), address.hostname.replace(/^\[|\]$/g, ""));
  const clientOptions: ClientOptions & { closeTimeout: number } = {
    autoPong: pongs === "all",
    closeTimeout: closeTimeoutMs,
    createConnection: () => socket,
    headers: { ...headers },
    maxPayload: 0,
    perMessageDeflate: false,
  };
  const webSocket = openOrDestroy(socket, address, protocols, clientOptions);
  const peer = new WebSocketPeer(webSocket, socket);
  await opened(webSocket, address, signal);
  if (pongs === "latest") answerLatest(webSocket);
  peer.start(read);
  return peer;
}

function openOrDestroy(
  socket: Socket,
  address: URL,
  protocols: readonly string[],
  options: ClientOptions,
): WebSocket {
  try {
    return new WebSocket(address, [...protocols], options);
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

function opened(webSocket: WebSocket, address: URL, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (error: unknown): void => {
      signal?.removeEventListener("abort", onAbort);
      reject(error);
      webSocket.terminate();
    };
    const onAbort = (): void => fail(signal?.reason);
    const onError = (cause: Error): void =>
      fail(new Error(`Cannot connect to ${address.href}: ${cause.message}`, { cause }));
    signal?.addEventListener("abort", onAbort, { once: true });
    webSocket.once("error", onError);
    webSocket.once("unexpected-response", (_request, { statusCode }) => {
      fail(new Error(`Cannot connect to ${address.href}: got status ${statusCode}, want 101`));
    });
    webSocket.once("open", () => {
      signal?.removeEventListener("abort", onAbort);
      webSocket.off("error", onError);
      webSocket.pause();
      resolve();
    });
  });
}

function answerLatest(webSocket: WebSocket): void {
  let latest: Buffer | undefined;
  webSocket.on("ping", (payload) => {
    const due = latest !== undefined;
    latest = Buffer.from(payload);
    if (due) return;
    void nextTurn().then(() => {
      if (webSocket.readyState === WebSocket.OPEN) webSocket.pong(latest);
      latest = undefined;
    });
  });
}
