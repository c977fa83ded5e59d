import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { Bottleneck } from "./bottleneck.ts";
import { Jitter } from "./jitter.ts";
import { PathClock } from "./path-clock.ts";
import { Shaper } from "./shaper.ts";

/** A path that is slower and longer than loopback. */
export interface PathShape {
  /** Of what comes from the server, over all connections. */
  readonly bytesPerSecond: number;
  readonly rttMs: number;
  /** How much longer what comes from the server takes, at most and at times. */
  readonly jitterMs?: number | undefined;
}

/** Such a path, in use. */
export interface ShapedPath {
  /** Connections to it reach the server. */
  readonly port: number;
  /** What is sent from now on takes so long. */
  rttMs: number;
  /** Stops, and goes on where it was. */
  readonly clock: PathClock;
  close(): void;
}

/** Listens on a port whose connections reach `port` over such a path. */
export async function shapedPath(port: number, shape: PathShape): Promise<ShapedPath> {
  const sockets = new Set<Socket>();
  const clock = new PathClock();
  const jitter = new Jitter(shape.jitterMs);
  const downwards = {
    clock,
    bottleneck: new Bottleneck(shape.bytesPerSecond),
    delayMs: (atMs: number) => path.rttMs / 2 + jitter.at(atMs),
  };
  const upwards = { clock, bottleneck: new Bottleneck(), delayMs: () => path.rttMs / 2 };
  const server = createServer((near) => {
    const far = connect({ host: "127.0.0.1", port });
    const down = new Shaper(downwards, far, (bytes) => near.write(bytes));
    const up = new Shaper(upwards, near, (bytes) => far.write(bytes));
    far.on("data", (bytes) => down.take(bytes));
    near.on("data", (bytes) => up.take(bytes));
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket.on("error", () => {});
      socket.on("close", () => {
        sockets.delete(socket);
        down.stop();
        up.stop();
        near.destroy();
        far.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const path: ShapedPath = {
    port: (server.address() as AddressInfo).port,
    rttMs: shape.rttMs,
    clock,
    close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
  return path;
}
