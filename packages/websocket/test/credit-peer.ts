import { once } from "node:events";
import {
  type Control,
  decodeControl,
  encodeControl,
  isMarked,
  Reading,
  SUBPROTOCOL,
} from "@spillway/streams/protocol";
import { waitFor } from "@spillway/testing";
import { onTestFinished } from "vitest";
import { WebSocket } from "ws";

/** What a peer got: data with its lane, or what the server says. */
export type Heard =
  | { readonly lane: number; readonly data: string | Uint8Array }
  | { readonly control: Control };

/** A client of `spillway.v1` that reads when it is told to. */
export class CreditPeer {
  readonly socket: WebSocket;
  readonly heard: Heard[] = [];
  /** What is there to be read of each lane. */
  readonly unread = new Map<number, (string | Uint8Array)[]>();
  readonly #readings = new Map<number, Reading>();
  #lane = 0;

  constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on("message", (data: Buffer, isBinary) => {
      const message = isBinary ? new Uint8Array(data) : data.toString();
      if (typeof message !== "string" || !isMarked(message)) {
        this.#take(message);
        return;
      }
      const said = decodeControl(message);
      if (typeof said === "string") this.#take(said);
      else this.#hear(said);
    });
  }

  static async connect(url: string, protocols: string[] = [SUBPROTOCOL]): Promise<CreditPeer> {
    const socket = new WebSocket(url, protocols, { maxPayload: 0 });
    const peer = new CreditPeer(socket);
    onTestFinished(() => socket.terminate());
    await once(socket, "open");
    return peer;
  }

  /** Says something of the protocol. */
  say(control: Control): void {
    this.socket.send(encodeControl(control));
  }

  hello(bytes: number = 65_536, messages: number = 64): void {
    this.say({ type: "hello", version: 1, bytes, messages });
  }

  /** Reads so many messages of a lane that have come. */
  read(messages: number, lane: number = 0): (string | Uint8Array)[] {
    const read = this.#of(lane).splice(0, messages);
    this.#answer(lane, this.#readingOf(lane).take(read.length));
    return read;
  }

  /** Reads all there is, until so many messages have come on a lane. */
  async readAll(messages: number, lane: number = 0): Promise<(string | Uint8Array)[]> {
    const read: (string | Uint8Array)[] = [];
    const isDone = (): boolean => {
      read.push(...this.read(Infinity, lane));
      return read.length >= messages;
    };
    await waitFor(isDone, { message: `${messages} messages`, timeoutMs: 20_000 });
    return read;
  }

  /** What the server has said, of one type. */
  said(type: Control["type"]): Control[] {
    return this.heard.flatMap((one) => {
      return "control" in one && one.control.type === type ? [one.control] : [];
    });
  }

  #take(data: string | Uint8Array): void {
    this.heard.push({ lane: this.#lane, data });
    this.#readingOf(this.#lane).receive();
    this.#of(this.#lane).push(data);
  }

  #hear(control: Control): void {
    this.heard.push({ control });
    if (control.type === "select") this.#lane = control.lane;
    if (control.type === "ask") this.#answer(this.#lane, this.#readingOf(this.#lane).ask());
  }

  #answer(lane: number, messages: number | undefined): void {
    if (messages !== undefined) this.say({ type: "answer", lane, messages });
  }

  #of(lane: number): (string | Uint8Array)[] {
    const unread = this.unread.get(lane) ?? [];
    this.unread.set(lane, unread);
    return unread;
  }

  #readingOf(lane: number): Reading {
    const reading = this.#readings.get(lane) ?? new Reading();
    this.#readings.set(lane, reading);
    return reading;
  }
}
