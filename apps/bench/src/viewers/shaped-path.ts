import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { Shaper } from "./shaper.ts";

/** A path that is slower and longer than loopback. */
export interface PathShape {
  /** Of what comes from the server. */
  readonly bytesPerSecond: number;
  readonly rttMs: number;
}

/**
 * Listens on a port whose connections reach `port` over such a path.
 *
 * @returns the port, and how to stop
 */
export async function shapedPath(
  port: number,
  { bytesPerSecond, rttMs }: PathShape,
): Promise<{ readonly port: number; stop(): void }> {
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect({ host: "127.0.0.1", port });
    const delayMs = rttMs / 2;
    const down = new Shaper({ bytesPerSecond, delayMs }, far, (bytes) => near.write(bytes));
    const up = new Shaper({ delayMs }, near, (bytes) => far.write(bytes));
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
  return {
    port: (server.address() as AddressInfo).port,
    stop() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
