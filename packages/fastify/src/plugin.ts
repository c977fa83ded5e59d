import websocket, { type WebSocket, type WebsocketHandler } from "@fastify/websocket";
import { SpillwayError } from "@spillway/streams";
import {
  accept,
  type Connection,
  type ConnectionOptions,
  connectionSettings,
  handleProtocols,
} from "@spillway/websocket";
import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from "fastify";
import fp from "fastify-plugin";
import { Connections, type SpillwayStats } from "./connections.ts";
import { pluginSettings, type SpillwayOptions } from "./options.ts";

/** A route: gets the connection in the turn in which it opened, and may take its time. */
export type ConnectionHandler = (
  connection: Connection,
  request: FastifyRequest,
) => void | Promise<void>;

/** What the plugin decorates the app with. */
export interface Spillway {
  /**
   * Makes a handler for a `{ websocket: true }` route.
   *
   * Backpressure: that of the connection's streams. A handler that throws ends its connection with
   * 1011; one that returns leaves it open until its streams end.
   *
   * @param handler - the route
   * @param options - what differs on this route from the plugin's options
   * @throws `TypeError` or `RangeError` with `code: "SPW_ERR_OPTION"`, when the route is declared
   */
  handler(handler: ConnectionHandler, options?: ConnectionOptions): WebsocketHandler;
  /** Open connections, oldest first; a live view. */
  readonly connections: ReadonlySet<Connection>;
  /** Totals, those of ended connections included. */
  stats(): SpillwayStats;
}

declare module "fastify" {
  interface FastifyInstance {
    spillway: Spillway;
  }
}

/** How much of `graceMs` the connections get; the rest is for the server's own close. */
const SHUTDOWN_SHARE = 0.9;

async function plugin(app: FastifyInstance, options: SpillwayOptions): Promise<void> {
  const { graceMs, stalledForMs } = pluginSettings(options);
  const defaults = connectionSettings(options);
  const connections = new Connections(stalledForMs);
  const ours = new WeakSet<WebSocket>();

  const spillway: Spillway = {
    handler: (handler, routeOptions = {}) => {
      const settings = connectionSettings({ ...defaults, ...routeOptions });
      return (socket, request) => {
        const connection = accept(socket, request.raw, settings);
        ours.add(socket);
        connections.add(connection);
        void serve(handler, connection, request);
      };
    },
    connections: connections.live,
    stats: () => connections.stats(),
  };
  app.decorate("spillway", spillway);

  app.addHook("onRoute", (route) => {
    if (!route.websocket) return;
    const hooks = route.onRequest ?? [];
    route.onRequest = [requireUpgrade, ...(Array.isArray(hooks) ? hooks : [hooks])];
  });

  const preClose = async (): Promise<void> => {
    const server = app.websocketServer;
    // No upgrade from here on. Its callback would wait for every client, frozen ones too.
    server.close();
    const others = [...server.clients].filter((client) => !ours.has(client));
    const deadlineMs = graceMs * SHUTDOWN_SHARE;
    await Promise.all([
      connections.shutdown(deadlineMs),
      ...others.map((client) => closePlain(client, deadlineMs)),
    ]);
  };
  if (app.hasDecorator("websocketServer")) {
    app.addHook("preClose", preClose);
    return;
  }
  const server = options.websocket?.options;
  await app.register(websocket, {
    preClose,
    // `ws` has sent the Close frame by then, and the connection sees to the rest.
    errorHandler: (error, _socket, request) => {
      request.log.debug({ err: error }, "WebSocket peer failed");
    },
    ...options.websocket,
    options: {
      maxPayload: defaults.maxMessageBytes,
      ...server,
      ...(server?.handleProtocols && { handleProtocols: handleProtocols(server.handleProtocols) }),
    },
  });
}

/** A plain request on a WebSocket route is told what to do instead of a bare 404. */
async function requireUpgrade(request: FastifyRequest, reply: FastifyReply): Promise<void> {
  if (request.ws) return;
  void reply.headers({ upgrade: "websocket", connection: "upgrade" });
  const message = `Cannot serve ${request.url} over plain HTTP: open it as a WebSocket`;
  throw Object.assign(new Error(message), { code: "FST_ERR_UPGRADE_REQUIRED", statusCode: 426 });
}

async function serve(
  handler: ConnectionHandler,
  connection: Connection,
  request: FastifyRequest,
): Promise<void> {
  try {
    await handler(connection, request);
  } catch (error) {
    if (isOwnEnd(error, connection)) {
      request.log.debug({ err: error }, "WebSocket connection ended");
      return;
    }
    request.log.error({ err: error }, "WebSocket handler failed");
    const message = "Cannot go on: the route handler failed";
    connection.fail(new SpillwayError("SPW_ERR_HANDLER", message, { cause: error }));
  }
}

/** Whether a handler failed only because its connection ended. */
function isOwnEnd(error: unknown, { signal }: Connection): boolean {
  if (signal.aborted && error === signal.reason) return true;
  return error instanceof SpillwayError && error.code === "SPW_ERR_CLOSED";
}

/** Ends a WebSocket of a route that does not use this plugin. */
async function closePlain(socket: WebSocket, deadlineMs: number): Promise<void> {
  await new Promise((resolve) => {
    const deadline = setTimeout(() => socket.terminate(), deadlineMs).unref();
    socket.once("close", () => {
      clearTimeout(deadline);
      resolve(undefined);
    });
    socket.close(1001, "The server is shutting down");
  });
}

/**
 * Fastify plugin: routes get a {@link Connection}, a pair of streams with backpressure.
 *
 * Registers `@fastify/websocket` unless the app has it already; then its own options stand, and its
 * `errorHandler` decides what becomes of sockets that fail.
 *
 * Backpressure: per connection as `accept()` says; a connection that does not move for
 * `slowConsumer.stalledForMs` is ended with 1013, and `app.close()` with `shutdown.graceMs`.
 *
 * @throws `TypeError` or `RangeError` with `code: "SPW_ERR_OPTION"`
 *
 * @example
 * ```ts
 * import spillway from "@spillway/fastify";
 * import fastify from "fastify";
 *
 * const app = fastify();
 * await app.register(spillway, { highWaterMark: 64 * 1024 });
 * app.get(
 *   "/echo",
 *   { websocket: true },
 *   app.spillway.handler((connection) => connection.readable.pipeTo(connection.writable)),
 * );
 * ```
 */
const spillway: FastifyPluginAsync<SpillwayOptions> = fp(plugin, {
  name: "@spillway/fastify",
  fastify: "5.x",
});

export default spillway;
