import type { DropReason } from "@spillway/streams";
import type { ClientSettings } from "../../options.ts";
import { Lanes, type LanesHost } from "../lanes.ts";
import type { ReceivedMessage } from "../message.ts";
import { Line } from "./line.ts";

/** How the lanes of a connection reach what outlives it. */
export interface LinkLanesHost extends LanesHost {
  dropped(bytes: number, reason: DropReason): void;
}

/** The lanes of one connection: they keep what waits when it is lost, and remember where messages are missing. */
export class LinkLanes extends Lanes {
  /** Whether the connection is over. */
  isOver = false;
  /** Called when the server has made a lane. */
  onName: ((name: string) => void) | undefined;
  readonly #tell: LinkLanesHost;
  readonly #numbered = new Map<number, Line>();
  readonly #named = new Map<string, Line>();
  readonly #main = new Line();
  #current: Line = this.#main;

  constructor(host: LinkLanesHost, settings: ClientSettings) {
    super(host, settings);
    this.#tell = host;
    this.#main.number = 0;
    this.#numbered.set(0, this.#main);
  }

  /** Of the newest lane of that name; without a name, of what is of no lane. */
  line(name: string | undefined): Line {
    if (name === undefined) return this.#main;
    const line = this.#named.get(name) ?? new Line();
    this.#named.set(name, line);
    return line;
  }

  /** Of the lanes that somebody has named. */
  get names(): Iterable<string> {
    return this.#named.keys();
  }

  override receive(message: ReceivedMessage, bytes: number): void {
    super.receive(message, bytes);
    this.#current.receive();
  }

  override miss(messages: number): void {
    super.miss(messages);
    this.#current.miss(messages);
  }

  override name(lane: number, name: string): void {
    super.name(lane, name);
    const known = this.line(name);
    const line = known.number === undefined ? known : new Line();
    line.number = lane;
    this.#named.set(name, line);
    this.#numbered.set(lane, line);
    this.onName?.(name);
  }

  override select(lane: number): void {
    super.select(lane);
    this.#current = this.#numbered.get(lane) ?? this.#current;
  }

  override end(lane: number): void {
    super.end(lane);
    const line = this.#numbered.get(lane);
    if (line) line.isEnded = true;
  }

  override dropped(bytes: number, reason: DropReason): void {
    super.dropped(bytes, reason);
    this.#tell.dropped(bytes, reason);
  }

  override close(): void {
    this.isOver = true;
    super.close();
  }

  /** What was received before the connection was lost can still be read. */
  override fail(): void {
    this.close();
  }
}
