import spillway, { type SpillwayOptions } from "@spillway/fastify";
import fastify, { type FastifyInstance } from "fastify";
import { onTestFinished } from "vitest";

/** One line of the log, as the logger wrote it. */
export interface LogLine {
  readonly level: number;
  readonly msg: string;
}

/** An app with the plugin, not yet listening, and what it logs. */
export async function makeApp(
  options: SpillwayOptions = {},
): Promise<{ app: FastifyInstance; log: LogLine[] }> {
  const log: LogLine[] = [];
  const stream = { write: (line: string) => log.push(JSON.parse(line) as LogLine) };
  const app = fastify({ logger: { level: "debug", stream }, forceCloseConnections: true });
  onTestFinished(() => app.close());
  await app.register(spillway, { shutdown: { graceMs: 200 }, ...options });
  return { app, log };
}

/** Listens on a free port. */
export async function listen(app: FastifyInstance): Promise<string> {
  const address = await app.listen({ host: "127.0.0.1", port: 0 });
  return address.replace("http", "ws");
}
