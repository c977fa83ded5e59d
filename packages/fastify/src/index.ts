/**
 * WebSocket routes with backpressure for Fastify. Register the default export, then make each
 * `{ websocket: true }` route with `app.spillway.handler()`.
 *
 * @module
 */
export type { Connection } from "@spillway/websocket";
export type { SpillwayStats } from "./connections.ts";
export type { ShutdownOptions, SlowConsumerOptions, SpillwayOptions } from "./options.ts";
export { type ConnectionHandler, default, type Spillway } from "./plugin.ts";
