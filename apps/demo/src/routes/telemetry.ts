import { broadcast, conflate } from "@spillway/streams";
import { type Connection, type Frame, frame } from "@spillway/websocket";
import type { FastifyInstance } from "fastify";
import type { Reading } from "../telemetry.ts";

/** Sends readings to a viewer, until one of the two ends. */
export type TelemetryFeed = (
  connection: Connection,
  writable: WritableStream<Frame>,
) => Promise<void>;

/** A viewer that falls behind still gets the newest value of every sensor. */
export function telemetryFeed({ source, signal, run }: TelemetryOptions): TelemetryFeed {
  const telemetry = broadcast<Reading, Frame>({
    capacity: { chunks: 1_024 },
    encode: (reading) => frame(JSON.stringify(reading)),
  });
  run("telemetry", () => source.pipeTo(telemetry.writable, { signal }));
  return async (connection, writable) => {
    await telemetry
      .subscribe({
        overflow: conflate({ key: (reading) => reading.sensor }),
        maxAgeMs: 5_000,
        onDrop: connection.recordDrop,
        signal: connection.signal,
      })
      .pipeTo(writable);
  };
}

/** `/streams/telemetry`: the readings alone. */
export async function telemetryRoutes(
  app: FastifyInstance,
  { feed }: { readonly feed: TelemetryFeed },
): Promise<void> {
  app.get(
    "/streams/telemetry",
    { websocket: true },
    app.spillway.handler((connection) => feed(connection, connection.writable)),
  );
}

/** Where the readings come from, and until when. */
export interface TelemetryOptions {
  readonly source: ReadableStream<Reading>;
  readonly signal: AbortSignal;
  readonly run: (name: string, run: () => Promise<void>) => void;
}
