import type { DropReason } from "@spillway/streams";
import type { LaneSettings } from "../../reconnect-options.ts";
import type { ReceivedMessage } from "../message.ts";
import { Feed, type FeedHost, takeAll } from "./feed.ts";
import type { LinkLanes } from "./link-lanes.ts";

/** What feeds lead to. */
export interface FeedsHost {
  dropped(bytes: number, reason: DropReason): void;
  /** The application wants nothing more of what is of no lane. */
  cancelled(reason: unknown): void;
}

/** All that is received, on one connection after the other. */
export class Feeds implements FeedHost {
  readonly main: Feed;
  readonly #host: FeedsHost;
  readonly #named = new Map<string, Feed>();
  #lanes: LinkLanes | undefined;
  #end: { readonly error?: unknown } | undefined;

  constructor(settings: LaneSettings, host: FeedsHost) {
    this.#host = host;
    this.main = new Feed({ ...settings, name: undefined }, this);
  }

  lane(name: string, settings: LaneSettings): Feed {
    return this.#named.get(name) ?? this.#make(name, settings);
  }

  /** The number of a lane in the connection that is open. */
  numberOf(name: string | undefined): number | undefined {
    return name === undefined ? this.main.number : this.#named.get(name)?.number;
  }

  /** There is a new connection. */
  attach(lanes: LinkLanes): void {
    this.#lanes = lanes;
    lanes.onName = (name) => {
      const feed = this.#named.get(name);
      if (feed && !feed.isOn(lanes)) feed.attach(lanes);
    };
    for (const feed of this.#all()) feed.attach(lanes);
  }

  /** The connection is lost. */
  lost(lanes: LinkLanes): void {
    this.#lanes = undefined;
    for (const feed of this.#all()) feed.lost();
    // Nobody will read it: streams that are asked for later begin with the next connection.
    for (const name of lanes.names) {
      if (!this.#named.has(name)) this.#discard(lanes.stream(name));
    }
  }

  /**
   * Discards what is stale.
   *
   * @returns the lanes that need something whole to begin with
   */
  refresh(): number[] {
    const lanes: number[] = [];
    for (const feed of this.#all()) {
      if (feed.settings.stale === "keep") continue;
      feed.discard("expired");
      if (feed.number !== undefined) lanes.push(feed.number);
    }
    return lanes;
  }

  /** Closes all streams behind what waits. */
  close(): void {
    this.#end ??= {};
    for (const feed of this.#all()) feed.close();
  }

  /** Errors all streams at once. */
  fail(error: unknown): void {
    this.#end ??= { error };
    for (const feed of this.#all()) feed.fail(error);
  }

  dropped(bytes: number, reason: DropReason): void {
    this.#host.dropped(bytes, reason);
  }

  ended({ settings: { name } }: Feed): void {
    if (name !== undefined) this.#named.delete(name);
  }

  cancelled(feed: Feed, reason: unknown): void {
    if (feed === this.main) this.#host.cancelled(reason);
  }

  #all(): readonly Feed[] {
    return [this.main, ...this.#named.values()];
  }

  #make(name: string, settings: LaneSettings): Feed {
    const feed = new Feed({ ...settings, name }, this);
    this.#named.set(name, feed);
    if (this.#lanes) feed.attach(this.#lanes);
    if (this.#end && "error" in this.#end) feed.fail(this.#end.error);
    else if (this.#end) feed.close();
    return feed;
  }

  #discard(stream: ReadableStream<ReceivedMessage>): void {
    takeAll(stream, (bytes) => this.#host.dropped(bytes, "closed"));
  }
}
