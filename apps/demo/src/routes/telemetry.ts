import { broadcast, conflate } from "@spillway/streams";
import { type Frame, frame } from "@spillway/websocket";
import type { FastifyInstance } from "fastify";
import type { Reading } from "../telemetry.ts";

/** `/streams/telemetry`: a viewer that falls behind still gets the newest value of every sensor. */
export async function telemetryRoutes(
  app: FastifyInstance,
  { source, signal, feed }: TelemetryOptions,
): Promise<void> {
  const telemetry = broadcast<Reading, Frame>({
    capacity: { chunks: 1_024 },
    encode: (reading) => frame(JSON.stringify(reading)),
  });
  feed("telemetry", () => source.pipeTo(telemetry.writable, { signal }));

  app.get(
    "/streams/telemetry",
    { websocket: true },
    app.spillway.handler(async (connection) => {
      await telemetry
        .subscribe({
          overflow: conflate({ key: (reading) => reading.sensor }),
          maxAgeMs: 5_000,
          onDrop: connection.recordDrop,
          signal: connection.signal,
        })
        .pipeTo(connection.writable);
    }),
  );
}

/** Where the readings come from, and until when. */
export interface TelemetryOptions {
  readonly source: ReadableStream<Reading>;
  readonly signal: AbortSignal;
  readonly feed: (name: string, run: () => Promise<void>) => void;
}
