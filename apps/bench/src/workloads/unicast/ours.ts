import { broadcast, fromIterable } from "@spillway/streams";
import { accept, type Connection } from "@spillway/websocket";
import type { Params } from "../../workload.ts";
import type { Server } from "../../servers/server.ts";
import { serveWs } from "../../servers/ws.ts";
import { message } from "./message.ts";

/** The pipe ends with the run, the connection does not. */
const KEEP_OPEN = { preventClose: true };

/** A producer of the user's, that minds `ready`. */
export async function spillway(): Promise<Server> {
  let writer!: WritableStreamDefaultWriter;
  return serve(
    (connection) => {
      writer = connection.writable.getWriter();
    },
    async (count) => {
      for (let sent = 0; sent < count; sent++) {
        await writer.ready;
        // Its failure is that of `ready`.
        void writer.write(message);
      }
    },
  );
}

/** A native stream, piped natively. */
export async function spillwayNative(): Promise<Server> {
  return servePipe((writable) => {
    return async (count) => {
      let sent = 0;
      const source = new ReadableStream<Buffer>({
        pull(controller) {
          if (sent++ < count) controller.enqueue(message);
          else controller.close();
        },
      });
      await source.pipeTo(writable, KEEP_OPEN);
    };
  });
}

/** Both ends are ours; what is sent comes from a hub, or from an iterable itself. */
export async function spillwayPump(source: Params[string] | undefined): Promise<Server> {
  return servePipe((writable) => {
    if (source === "iterable") return async (count) => messages(count).pipeTo(writable, KEEP_OPEN);
    // Lossless: with one subscriber that is as fast as it can be.
    const hub = broadcast<Buffer>({ lossless: true });
    const served = hub.subscribe().pipeTo(writable);
    return async (count) =>
      Promise.race([
        messages(count).pipeTo(hub.writable, KEEP_OPEN),
        served.then(() => {
          throw new Error("Cannot go on: the connection has ended");
        }),
      ]);
  });
}

/** Sends every message back, by hand. */
export async function spillwayEcho(): Promise<Server> {
  return serve(
    (connection) => void echo(connection).catch(() => {}),
    async () => {},
  );
}

/** Sends every message back by a pipe. */
export async function spillwayPumpEcho(): Promise<Server> {
  return serve(
    ({ readable, writable }) => void readable.pipeTo(writable).catch(() => {}),
    async () => {},
  );
}

async function echo({ readable, writable }: Connection): Promise<void> {
  const writer = writable.getWriter();
  for await (const received of readable) {
    await writer.ready;
    void writer.write(received);
  }
}

function messages(count: number): ReadableStream<Buffer> {
  return fromIterable(
    (function* () {
      for (let sent = 0; sent < count; sent++) yield message;
    })(),
  );
}

async function servePipe(
  open: (writable: Connection["writable"]) => (count: number) => Promise<void>,
): Promise<Server> {
  let run!: (count: number) => Promise<void>;
  return serve(
    ({ writable }) => {
      run = open(writable);
    },
    async (count) => run(count),
  );
}

async function serve(
  open: (connection: Connection) => void,
  run: (count: number) => Promise<void>,
): Promise<Server> {
  return serveWs({ open: (socket, request) => open(accept(socket, request)), run });
}
