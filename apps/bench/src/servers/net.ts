import { createServer, type AddressInfo, type Socket } from "node:net";
import { upgradeAnswer } from "../clients/handshake.ts";
import { OwnGauge, type Server } from "./server.ts";

/** Serves with bare sockets: the least that Node can do. */
export async function serveNet(
  open: (socket: Socket) => void,
  run: (count: number) => Promise<void>,
): Promise<Server> {
  const server = createServer({ noDelay: true }, (socket) => {
    socket.on("error", () => socket.destroy());
    // The request comes in one piece; nothing else that a client says is of interest.
    socket.once("data", () => {
      socket.write(upgradeAnswer());
      socket.on("data", () => {});
      open(socket);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", 1024, resolve));
  return { port: (server.address() as AddressInfo).port, run, gauge: new OwnGauge() };
}
