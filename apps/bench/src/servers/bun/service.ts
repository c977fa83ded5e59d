import { stamp } from "../../clients/protocol.ts";
import { bun, type BunServer, type BunSocket } from "./api.ts";
import type { BunJob } from "./protocol.ts";

/** Messages sent under one cork. */
const CORKED = 64;
const TOPIC = "all";

/** Bun's server with the marks it has by itself. */
export class BunService {
  readonly #job: BunJob;
  readonly #server: BunServer;
  readonly #sockets: BunSocket[] = [];
  readonly #draining = new Map<BunSocket, () => void>();
  readonly #message: Buffer;

  constructor(job: BunJob) {
    this.#job = job;
    this.#message = Buffer.alloc(job.messageBytes, "spillway");
    this.#server = bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch: (request, server) =>
        server.upgrade(request) ? undefined : new Response(null, { status: 426 }),
      websocket: {
        perMessageDeflate: false,
        // A contender waits while others have their turn.
        idleTimeout: 0,
        open: (socket) => {
          this.#sockets.push(socket);
          if (job.mode === "publish") socket.subscribe(TOPIC);
        },
        message() {},
        drain: (socket) => {
          this.#draining.get(socket)?.();
          this.#draining.delete(socket);
        },
      },
    });
  }

  get port(): number {
    return this.#server.port;
  }

  async run(count: number): Promise<void> {
    switch (this.#job.mode) {
      case "idle":
        return;
      case "publish":
        return this.#publish(count);
      case "cork":
        return this.#cork(count);
      default:
        await Promise.all(this.#sockets.map(async (socket) => this.#send(socket, count)));
    }
  }

  async #send(socket: BunSocket, count: number): Promise<void> {
    for (let sent = 0; sent < count; sent++) {
      // A source makes each of its pieces; a small message is the same for everybody.
      const { mode, messageBytes } = this.#job;
      const message = mode === "drain" ? Buffer.alloc(messageBytes, 1) : this.#message;
      if (socket.send(message) <= 0) await this.#drained(socket);
    }
  }

  async #cork(count: number): Promise<void> {
    const [socket] = this.#sockets;
    if (!socket) return;
    for (let left = count; left > 0; left -= CORKED) {
      let isHeld = false;
      socket.cork(() => {
        for (let sent = Math.min(left, CORKED); sent > 0; sent--) {
          if (socket.send(this.#message) <= 0) isHeld = true;
        }
      });
      if (isHeld) await this.#drained(socket);
    }
  }

  async #publish(bursts: number): Promise<void> {
    const { burst = 1, messageBytes } = this.#job;
    for (let done = 0; done < bursts; done++) {
      const messages = Array.from({ length: burst }, () => stamped(messageBytes));
      for (const message of messages) this.#server.publish(TOPIC, message);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async #drained(socket: BunSocket): Promise<void> {
    return new Promise((resolve) => this.#draining.set(socket, resolve));
  }
}

/** A source makes every message anew; it begins with the time it was made at. */
function stamped(messageBytes: number): Buffer {
  const message = Buffer.alloc(messageBytes, "spillway");
  message.write(stamp());
  return message;
}
