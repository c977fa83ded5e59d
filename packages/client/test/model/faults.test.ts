import { WebSocketStream } from "@spillway/client";
import {
  type Control,
  decodeControl,
  encodeControl,
  MAX_QUESTIONS,
} from "@spillway/streams/protocol";
import { isSettled, settle } from "@spillway/testing";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { TwoWay } from "./two-way.ts";

const CREDIT = { bytes: 65_536, messages: 64 };

interface LaneModel {
  readonly unread: string[];
  questions: number;
  isEnded: boolean;
}

/** What a client must make of a server with credits whose messages nobody reads, by the letter of the reference. */
class Oracle {
  readonly lanes: Map<number, LaneModel> = new Map([[0, newLane()]]);
  fault: "SPW_ERR_PROTOCOL" | "SPW_ERR_CREDIT" | undefined;
  readonly #names = new Map<string, LaneModel>();
  #selected = 0;

  take(text: string): void {
    if (this.fault) return;
    try {
      const said = text.startsWith("\u0010") ? decodeControl(text) : text;
      if (typeof said === "string") this.#keep(said);
      else if (!this.#obeys(said)) this.fault = "SPW_ERR_PROTOCOL";
    } catch {
      this.fault = "SPW_ERR_PROTOCOL";
    }
  }

  #keep(message: string): void {
    const { isEnded, unread } = this.#lane;
    const bytes = unread.reduce((sum, { length }) => sum + length, 0);
    if (isEnded) this.fault = "SPW_ERR_PROTOCOL";
    else if (unread.length >= CREDIT.messages || bytes >= CREDIT.bytes)
      this.fault = "SPW_ERR_CREDIT";
    else unread.push(message);
  }

  #obeys(said: Control): boolean {
    if (said.type === "name") return this.#name(said.lane, said.name);
    if (said.type === "gap") return true;
    if (said.type === "ask") {
      const lane = this.#lane;
      if (lane.unread.length > 0) lane.questions++;
      if (lane.questions > MAX_QUESTIONS) this.fault = "SPW_ERR_CREDIT";
      return true;
    }
    if (said.type !== "select" && said.type !== "end") return false;
    const lane = this.lanes.get(said.lane);
    if (said.type === "select") this.#selected = said.lane;
    const isAllowed = lane !== undefined && !(said.type === "end" && lane.isEnded);
    if (isAllowed && said.type === "end") lane.isEnded = true;
    return isAllowed;
  }

  #name(number: number, name: string): boolean {
    const isFree = this.#names.get(name)?.isEnded ?? true;
    if (this.lanes.has(number) || !isFree) return false;
    const lane = newLane();
    this.lanes.set(number, lane);
    this.#names.set(name, lane);
    return true;
  }

  get #lane(): LaneModel {
    return this.lanes.get(this.#selected) as LaneModel;
  }
}

function newLane(): LaneModel {
  return { unread: [], questions: 0, isEnded: false };
}

const lane = fc.oneof(
  { arbitrary: fc.nat({ max: 3 }), weight: 8 },
  fc.constantFrom(255, 256, 2 ** 53),
);
const number = fc.oneof(fc.nat({ max: 70_000 }), fc.constantFrom(2 ** 53 - 1, 2 ** 53, -1, 0.5));
const say = (text: string): string[] => [`\u0010${text}`];

/** What the subprotocol has words for, rightly and wrongly used. */
const spoken: fc.Arbitrary<string[]> = fc.oneof(
  { arbitrary: lane.map((to) => say(`L${to}`)), weight: 6 },
  { arbitrary: fc.constantFrom("Q", "G3", "G0").map(say), weight: 6 },
  {
    arbitrary: fc
      .tuple(lane, fc.constantFrom("a", "b", "c"))
      .map((name) => say(`N${name.join(",")}`)),
    weight: 6,
  },
  { arbitrary: lane.map((ended) => say(`E${ended}`)), weight: 2 },
  fc.nat({ max: 80 }).map((times) => Array<string>(times).fill("\u0010Q")),
  fc.constantFrom("S", "R", "Y0", "V1,65536,64", "A0,0", "A0,1", "A1,0").map(say),
  fc
    .tuple(fc.constantFrom("A", "G", "L", "N", "V", "X"), fc.array(number, { maxLength: 4 }))
    .map(([letter, fields]) => say(letter + fields.join(","))),
  fc.string({ maxLength: 300, unit: "binary-ascii" }).map(say),
);

const data: fc.Arbitrary<string[]> = fc.oneof(
  { arbitrary: fc.string({ maxLength: 50 }).map((text) => [`x${text}`]), weight: 6 },
  { arbitrary: fc.string({ maxLength: 50 }).map((text) => say(`\u0010${text}`)), weight: 2 },
  fc.constantFrom<string[]>(["x".repeat(65_535)], ["x".repeat(70_000)]),
  fc.constantFrom(63, 64, 65).map((times) => Array<string>(times).fill("x")),
);

test("whatever a server sends, a client reads it, or says what is wrong, and settles everything", async () => {
  const meets = async (steps: readonly string[][]): Promise<void> => {
    const oracle = new Oracle();
    const way = new TwoWay();
    const heard: unknown[] = [];
    way.receive = (message) => void heard.push(message);
    const socket = new WebSocketStream("ws://model", {
      WebSocket: way.WebSocket,
      highWaterMark: CREDIT.bytes,
      maxUnreadMessages: CREDIT.messages,
    });
    const streams = new Map(["a", "b", "c"].map((name) => [name, socket.lane(name)]));
    way.open();
    const { readable, writable } = await socket.opened;
    const writing = writable.getWriter();
    const closed = socket.closed.catch((error: unknown) => error);
    way.send(encodeControl({ type: "hello", version: 1, ...CREDIT }));
    way.moveToClient();
    for (const text of steps.flat()) {
      oracle.take(text);
      way.send(text);
      way.moveToClient();
    }
    await settle();
    if (oracle.fault) {
      expect(await writing.closed.catch((error: unknown) => error)).toMatchObject({
        code: oracle.fault,
      });
      for (const stream of [readable, ...streams.values()]) {
        const ended = await readAll(stream);
        // What had ended before stays whole.
        expect([oracle.fault, undefined]).toContain(ended.code);
      }
    } else {
      expect(await isSettled(socket.closed)).toBe(false);
      expect(socket.stats().unreadMessages).toBe(
        [...oracle.lanes.values()].reduce((sum, { unread }) => sum + unread.length, 0),
      );
      const reading = readAll(readable);
      socket.close();
      await settle();
      while (way.underWay.toServer > 0) way.moveToServer();
      way.moveToServer();
      expect((await reading).messages).toEqual(oracle.lanes.get(0)?.unread);
      await Promise.all([...streams.values()].map(readAll));
    }
    while (way.underWay.toServer > 0) way.moveToServer();
    way.moveToServer();
    await closed;
  };
  await fc.assert(fc.asyncProperty(fc.array(fc.oneof(data, spoken), { maxLength: 30 }), meets), {
    numRuns: 500,
    timeout: 2000,
    endOnFailure: true,
  });
}, 60_000);

async function readAll(
  stream: ReadableStream<unknown>,
): Promise<{ readonly messages: unknown[]; readonly code: unknown }> {
  const messages: unknown[] = [];
  const reader = stream.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return { messages, code: undefined };
      messages.push(value);
    }
  } catch (error) {
    return { messages, code: (error as { code?: unknown }).code };
  }
}
