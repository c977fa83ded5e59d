import { type Broadcast, broadcast, conflate, keyframes } from "@spillway/streams";
import { type Connection, frame, type Frame } from "@spillway/websocket";
import spillway from "@spillway/fastify";
import fastify from "fastify";

/** The server of the cases, a process of its own so that its memory is its own. */

interface Picture {
  readonly sequence: number;
  readonly key: boolean;
}

interface Reading {
  readonly sensor: number;
  readonly seq: number;
}

/** What the parent may ask. */
export interface Report {
  readonly memory: NodeJS.MemoryUsage;
  readonly connections: Record<string, ReturnType<Connection["stats"]>>;
  readonly published: number;
  readonly read: number;
}

const PICTURE_BYTES = 10_000;
const app = fastify();
await app.register(spillway, { heartbeat: false, slowConsumer: false });
let published = 0;
let read = 0;
let publishing: NodeJS.Timeout | undefined;

const video: Broadcast<Picture, Uint8Array> = broadcast<Picture, Uint8Array>({
  capacity: { chunks: 120 },
  size: () => PICTURE_BYTES,
  isKey: (picture) => picture.key,
  retain: "last-keyframe",
  encode: ({ sequence, key }) => {
    const bytes = new Uint8Array(PICTURE_BYTES);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, sequence);
    view.setUint8(4, key ? 1 : 0);
    return bytes;
  },
});
const viewers: Record<string, number | undefined> = {
  "/video": 1_000,
  // As far as the ring goes, so that nobody drops what only a busy machine held up.
  "/watch": undefined,
};
for (const [path, maxAgeMs] of Object.entries(viewers)) {
  const overflow = keyframes<Picture>({ isKey: (picture) => picture.key });
  app.get(
    path,
    { websocket: true },
    app.spillway.handler((connection) =>
      video
        .subscribe({ overflow, maxAgeMs, onDrop: connection.recordDrop })
        .pipeTo(connection.writable),
    ),
  );
}

const telemetry: Broadcast<Reading, Frame> = broadcast<Reading, Frame>({
  capacity: { chunks: 512 },
  encode: (reading) => frame(JSON.stringify({ ...reading, pad: "x".repeat(220) })),
});
app.get(
  "/telemetry",
  { websocket: true },
  app.spillway.handler((connection) =>
    telemetry
      .subscribe({
        overflow: conflate({ key: (reading) => reading.sensor }),
        onDrop: connection.recordDrop,
      })
      .pipeTo(connection.writable),
  ),
);

app.get(
  "/bulk",
  { websocket: true },
  app.spillway.handler((connection) => {
    let left = 100_000_000;
    return new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          const size = Math.min(65_536, left);
          left -= size;
          controller.enqueue(new Uint8Array(size));
          if (left === 0) controller.close();
        },
      },
      { highWaterMark: 0 },
    ).pipeTo(connection.writable);
  }),
);

app.get(
  "/upload",
  { websocket: true },
  app.spillway.handler(async (connection) => {
    let budget = 0;
    for await (const message of connection.readable) {
      if (Number((message as string).slice(0, 8)) !== read) throw new Error("out of order");
      read++;
      // 1 MB/s for the first 3 MB, so that the client stalls; then as fast as it comes.
      budget += message.length;
      if (read < 3_000 && budget >= 50_000) {
        budget = 0;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  }),
);

/** Publishes `perSecond` times a second until told to stop. */
function publish(perSecond: number, one: (count: number) => void): void {
  const started = performance.now();
  publishing = setInterval(() => {
    const due = Math.floor(((performance.now() - started) / 1000) * perSecond);
    while (published < due) one(published++);
  }, 5);
}

const actions: Record<string, () => void> = {
  // 20 times as fast as 30 pictures a second.
  video: () => publish(600, (sequence) => video.publish({ sequence, key: sequence % 30 === 0 })),
  // 20 times as fast as 200 readings a second.
  telemetry: () => publish(4_000, (seq) => telemetry.publish({ sensor: seq % 40, seq })),
  // 30 pictures a second, in real time.
  watch: () => publish(30, (sequence) => video.publish({ sequence, key: sequence % 30 === 0 })),
};

process.on("message", (message: string) => {
  if (message === "stop") {
    clearInterval(publishing);
    return;
  }
  if (message !== "report") {
    actions[message]?.();
    return;
  }
  globalThis.gc?.();
  video.stats();
  telemetry.stats();
  const connections: Report["connections"] = {};
  for (const connection of app.spillway.connections) {
    connections[`${connection.request.url}`] = connection.stats();
  }
  const report: Report = { memory: process.memoryUsage(), connections, published, read };
  process.send?.(report);
});
process.on("disconnect", () => process.exit());
process.send?.((await app.listen({ host: "127.0.0.1", port: 0 })).replace("http", "ws"));
