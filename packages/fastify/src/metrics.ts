/**
 * Prometheus metrics of every connection. Reach for {@link collectMetrics}.
 *
 * @module
 */
import type { ConnectionState } from "@spillway/websocket";
import { Counter, Gauge, type Registry } from "prom-client";
import type { Spillway } from "./plugin.ts";

const STATES: readonly ConnectionState[] = ["healthy", "congested", "frozen", "paused", "dead"];

/**
 * Registers the metrics `spillway_*`, filled when the registry is scraped.
 *
 * Backpressure: none; a scrape looks at each open connection once.
 *
 * @param spillway - `app.spillway`
 * @param registry - where to register; a registry takes one app's metrics
 *
 * @example
 * ```ts
 * import spillway from "@spillway/fastify";
 * import { collectMetrics } from "@spillway/fastify/metrics";
 * import fastify from "fastify";
 * import { Registry } from "prom-client";
 *
 * const app = fastify();
 * await app.register(spillway);
 * const registry = new Registry();
 * collectMetrics(app.spillway, registry);
 * app.get("/metrics", (_request, reply) => {
 *   reply.type(registry.contentType);
 *   return registry.metrics();
 * });
 * ```
 */
export function collectMetrics(spillway: Spillway, registry: Registry): void {
  const registers: Registry[] = [];
  const gauge = (name: string, help: string, value: () => number): void => {
    registry.registerMetric(
      new Gauge({
        name: `spillway_${name}`,
        help,
        registers,
        collect() {
          this.set(value());
        },
      }),
    );
  };
  const counter = (name: string, help: string, value: () => number): void => {
    registry.registerMetric(
      new Counter({
        name: `spillway_${name}`,
        help,
        registers,
        collect() {
          this.reset();
          this.inc(value());
        },
      }),
    );
  };
  let seen: ReturnType<Spillway["stats"]> | undefined;
  /** The same for all that is collected at once: they look at every connection. */
  const stats = (): ReturnType<Spillway["stats"]> => {
    if (!seen) {
      seen = spillway.stats();
      queueMicrotask(() => (seen = undefined));
    }
    return seen;
  };

  gauge("connections", "Open connections", () => stats().connections);
  gauge("queued_bytes", "Bytes written and not yet handed to a socket", () => stats().queuedBytes);
  gauge("held_bytes", "Bytes held for peers, shared ones once", () => stats().heldBytes);
  gauge("in_flight_bytes", "Bytes sent and not acknowledged", () => stats().inFlightBytes);
  counter("sent_messages_total", "Messages sent", () => stats().sentMessages);
  counter("sent_bytes_total", "Bytes sent, frame headers included", () => stats().sentBytes);
  counter("received_messages_total", "Messages received", () => stats().receivedMessages);
  counter("received_bytes_total", "Bytes received", () => stats().receivedBytes);
  counter(
    "backpressure_seconds_total",
    "Time connections had no room to send",
    () => stats().backpressureMs / 1000,
  );

  registry.registerMetric(
    new Counter({
      name: "spillway_evictions_total",
      help: "Connections ended by the server because they did not keep up",
      labelNames: ["reason"],
      registers,
      collect() {
        this.reset();
        this.inc({ reason: "stalled" }, stats().evicted);
      },
    }),
  );
  for (const [unit, field] of [
    ["messages", "chunks"],
    ["bytes", "size"],
  ] as const) {
    registry.registerMetric(
      new Counter({
        name: `spillway_dropped_${unit}_total`,
        help: `Dropped ${unit} by reason`,
        labelNames: ["reason"],
        registers,
        collect() {
          this.reset();
          for (const [reason, tally] of Object.entries(stats().dropped.reasons)) {
            this.inc({ reason }, tally?.[field] ?? 0);
          }
        },
      }),
    );
  }
  registry.registerMetric(
    new Gauge({
      name: "spillway_connection_states",
      help: "Open connections by state",
      labelNames: ["state"],
      registers,
      collect() {
        const counts = new Map<ConnectionState, number>();
        for (const { state } of spillway.connections)
          counts.set(state, (counts.get(state) ?? 0) + 1);
        for (const state of STATES) this.set({ state }, counts.get(state) ?? 0);
      },
    }),
  );
  registry.registerMetric(
    new Gauge({
      name: "spillway_rtt_seconds",
      help: "Round trip of the last answered ping over open connections, queueing included",
      labelNames: ["quantile"],
      registers,
      collect() {
        const rtts = [...spillway.connections]
          .map((connection) => connection.stats().rttMs)
          .filter((rtt) => rtt !== undefined)
          .sort((a, b) => a - b);
        for (const quantile of [0.5, 0.99]) {
          const rtt = rtts[Math.min(rtts.length - 1, Math.floor(quantile * rtts.length))];
          this.set({ quantile: String(quantile) }, (rtt ?? Number.NaN) / 1000);
        }
      },
    }),
  );
}
