import { broadcast } from "@spillway/streams";
import spillway from "@spillway/fastify";
import fastify from "fastify";

/** The smallest live feed: the time, ten times a second, always the newest for everyone. */
const app = fastify();
await app.register(spillway);

const clock = broadcast<Date, string>({ retain: "last", encode: (date) => date.toISOString() });
const timer = setInterval(() => clock.publish(new Date()), 100);
app.addHook("preClose", async () => clearInterval(timer));

app.get(
  "/clock",
  { websocket: true },
  app.spillway.handler(
    (connection) => clock.subscribe({ overflow: "latest" }).pipeTo(connection.writable),
    { receive: "discard" },
  ),
);

console.log(await app.listen({ host: "127.0.0.1", port: Number(process.env["PORT"] ?? 0) }));
