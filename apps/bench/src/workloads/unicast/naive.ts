import type { Server } from "../../servers/server.ts";
import { serveWs } from "../../servers/ws.ts";
import { message } from "./message.ts";

/** A native stream whose `write()` waits for the callback of `send()`. */
export async function naive(): Promise<Server> {
  let writer!: WritableStreamDefaultWriter<Buffer>;
  return serveWs({
    open(socket) {
      const writable = new WritableStream<Buffer>({
        write: async (chunk) =>
          new Promise((resolve, reject) => {
            socket.send(chunk, (error) => (error ? reject(error) : resolve()));
          }),
      });
      writer = writable.getWriter();
    },
    async run(count) {
      for (let sent = 0; sent < count; sent++) {
        await writer.ready;
        // Its failure is that of `ready`.
        writer.write(message).catch(() => {});
      }
    },
  });
}
