import type { ConnectionStats } from "@spillway/websocket";
import type { Server } from "../../servers/server.ts";

/** What is sent to whoever connects. */
export type Load = "film" | "flood";

/** A server of streams. */
export interface Sender extends Server {
  /** The accounts of the connections there are, in the order they came; of our own alone. */
  readonly stats?: (() => readonly ConnectionStats[]) | undefined;
}
