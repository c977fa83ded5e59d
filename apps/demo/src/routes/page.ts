import { basename, dirname } from "node:path";
import { fileURLToPath } from "node:url";
import fastifyStatic from "@fastify/static";
import type { FastifyInstance } from "fastify";

/** This folder is `src/routes` or, built, `dist/routes`; both lie two below the app's own. */
const home = fileURLToPath(new URL("../../", import.meta.url));

/** `/`: the viewer. The page is served as it stands, its scripts as `tsc` built them. */
export async function pageRoutes(app: FastifyInstance): Promise<void> {
  const uplot = dirname(fileURLToPath(import.meta.resolve("uplot")));
  await app.register(fastifyStatic, {
    root: `${home}src/page`,
    setHeaders,
    wildcard: false,
    prefix: "/",
  });
  const more = { decorateReply: false, setHeaders, wildcard: false };
  await app.register(fastifyStatic, { ...more, root: `${home}dist/page`, prefix: "/page/" });
  await app.register(fastifyStatic, { ...more, root: uplot, prefix: "/vendor/uplot/" });
  const client = fileURLToPath(import.meta.resolve("@spillway/client/bundle"));
  app.get("/vendor/spillway-client.js", (_request, reply) =>
    reply.sendFile(basename(client), dirname(client)),
  );
  app.get("/picture.js", (_request, reply) => reply.sendFile("picture.js", `${home}dist`));
}

/** The viewer's buttons block its worker, which takes shared memory, which takes isolation. */
function setHeaders(reply: { setHeader(name: string, value: string): void }): void {
  reply.setHeader("Cross-Origin-Opener-Policy", "same-origin");
  reply.setHeader("Cross-Origin-Embedder-Policy", "require-corp");
  reply.setHeader("Cache-Control", "no-cache");
}
