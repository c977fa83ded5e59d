import type { WebsocketPluginOptions } from "@fastify/websocket";
import { checkNumber, MAX_TIMER_MS, wrongType } from "@spillway/streams/options";
import type { ConnectionOptions } from "@spillway/websocket";

/** Options of the plugin; those of a connection are the defaults of every route. */
export interface SpillwayOptions extends ConnectionOptions {
  /** When a connection that does not move is ended with 1013; `false` for never. */
  readonly slowConsumer?: SlowConsumerOptions | false | undefined;
  /** How long `app.close()` may take for connections. */
  readonly shutdown?: ShutdownOptions | undefined;
  /** Options for `@fastify/websocket`, where this plugin registers it. */
  readonly websocket?: WebsocketPluginOptions | undefined;
}

/** When a slow consumer is evicted. */
export interface SlowConsumerOptions {
  /**
   * Milliseconds without any progress while something waits to be sent. At least 5,000: a peer that
   * reads steadily but slowly may show none for seconds.
   *
   * @defaultValue `30_000`
   */
  readonly stalledForMs?: number | undefined;
}

/** How connections end when the server does. */
export interface ShutdownOptions {
  /**
   * Milliseconds for flushing and closing handshakes; then sockets are dropped.
   *
   * @defaultValue `5_000`
   */
  readonly graceMs?: number | undefined;
}

/** The plugin's own options with every default filled in. */
export interface PluginSettings {
  /** `Infinity`: never. */
  readonly stalledForMs: number;
  readonly graceMs: number;
}

/** @throws `TypeError` or `RangeError` with `code: "SPW_ERR_OPTION"` */
export function pluginSettings({ slowConsumer, shutdown = {} }: SpillwayOptions): PluginSettings {
  if (typeof shutdown !== "object" || shutdown === null) {
    throw wrongType("shutdown", "an object", shutdown);
  }
  const grace = { min: 1, max: MAX_TIMER_MS };
  return {
    stalledForMs: slowConsumer === false ? Infinity : stalledForMs(slowConsumer ?? {}),
    graceMs: checkNumber("shutdown.graceMs", shutdown.graceMs, 5_000, grace),
  };
}

function stalledForMs(slowConsumer: SlowConsumerOptions): number {
  if (typeof slowConsumer !== "object" || slowConsumer === null) {
    throw wrongType("slowConsumer", "an object or false", slowConsumer);
  }
  const range = { min: 5_000, max: MAX_TIMER_MS };
  return checkNumber("slowConsumer.stalledForMs", slowConsumer.stalledForMs, 30_000, range);
}
