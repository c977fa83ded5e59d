import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { checkUrl } from "./internal/check.ts";

/** A line between clients and a server, for a test to cut. */
export interface Relay {
  /** What clients connect to in the server's place. */
  readonly url: string;
  /**
   * Forwards nothing any more, in either direction: no bytes, no end, no reset. Neither side is told,
   * so what one of them does next leaves the other half-open. What was on its way still arrives.
   */
  cut(): void;
  /** Forwards again, first what came meanwhile. */
  mend(): void;
  /** Drops all connections and takes no more. */
  close(): Promise<void>;
}

/**
 * Starts a TCP relay in front of a server, for what no socket can do to its peer: to be gone without
 * a FIN or a RST, as behind a pulled plug or a lost radio link.
 *
 * Backpressure: what one side does not take holds the other; a cut line takes up to 64 KiB each way
 * beside what the kernel holds.
 *
 * @param url - the server's address, with the scheme `ws:`
 * @returns the relay, on a free port of 127.0.0.1
 * @see https://www.rfc-editor.org/rfc/rfc9293#section-3.5.1 for half-open connections
 *
 * @example
 * ```ts
 * import { connectPeer, startRelay } from "@spillway/testing/node";
 *
 * const relay = await startRelay("ws://127.0.0.1:3000/streams/video");
 * const peer = await connectPeer(relay.url);
 * relay.cut();
 * peer.vanish(); // the server goes on as if it were there
 * await relay.close();
 * ```
 */
export async function startRelay(url: string | URL): Promise<Relay> {
  const address = checkUrl(url);
  const lines = new Set<Line>();
  let isCut = false;
  const host = address.hostname.replace(/^\[|\]$/g, "");
  const server = createServer({ allowHalfOpen: true }, (client) => {
    const upstream = connect({ host, port: Number(address.port || 80), allowHalfOpen: true });
    const line = new Line(client, upstream, () => lines.delete(line));
    lines.add(line);
    if (!isCut) line.mend();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");

  const own = new URL(address);
  own.hostname = "127.0.0.1";
  own.port = String((server.address() as AddressInfo).port);
  return {
    url: own.href,
    cut: () => {
      isCut = true;
      for (const line of lines) line.cut();
    },
    mend: () => {
      isCut = false;
      for (const line of lines) line.mend();
    },
    close: async () => {
      const closed = once(server, "close");
      server.close();
      for (const line of lines) line.drop();
      await closed;
    },
  };
}

/** One connection and its continuation. */
class Line {
  readonly #sides: readonly [Socket, Socket];
  #isCut = true;
  #isReset = false;

  constructor(client: Socket, upstream: Socket, over: () => void) {
    this.#sides = [client, upstream];
    let open = 2;
    for (const side of this.#sides) {
      side.pause();
      side.on("error", () => {
        this.#isReset = true;
        if (!this.#isCut) this.#reset();
      });
      side.once("close", () => {
        open -= 1;
        if (open === 0) over();
      });
    }
  }

  cut(): void {
    this.#isCut = true;
    for (const side of this.#sides) side.unpipe().pause();
  }

  mend(): void {
    if (!this.#isCut) return;
    this.#isCut = false;
    if (this.#isReset) return this.#reset();
    const [client, upstream] = this.#sides;
    client.pipe(upstream);
    upstream.pipe(client);
  }

  drop(): void {
    for (const side of this.#sides) side.destroy();
  }

  #reset(): void {
    for (const side of this.#sides) if (!side.destroyed) side.resetAndDestroy();
  }
}
