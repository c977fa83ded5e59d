import { WebSocketStream } from "@spillway/client";
import { settle } from "@spillway/testing";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CreditPeer } from "../credit-peer.ts";
import { TwoWay } from "./two-way.ts";

/** Sizes of messages, some of which add up to a credit exactly. */
const sizes = fc.oneof(fc.nat(40_000), fc.constantFrom(1024, 16_384, 65_536));

/** Something that one side does, or the network. */
const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant("arriveAtClient" as const) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("arriveAtServer" as const) }) },
  fc.record({ do: fc.constant("hello" as const) }),
  fc.record({ do: fc.constant("settle" as const) }),
  fc.record({ do: fc.constant("clientReads" as const), lane: fc.nat(2) }),
  fc.record({ do: fc.constant("serverReads" as const), count: fc.integer({ min: 1, max: 40 }) }),
  fc.record({ do: fc.constant("clientWrites" as const), size: sizes }),
  fc.record({
    do: fc.constant("serverSends" as const),
    lane: fc.nat(2),
    size: sizes,
    count: fc.integer({ min: 1, max: 30 }),
    asks: fc.boolean(),
  }),
  fc.record({ do: fc.constant("serverAsks" as const), lane: fc.nat(2) }),
);

const NAMES = ["", "video", "chat"];

/** A message that tells its number, of about that size; some begin like a control message. */
function numbered(index: number, size: number): string {
  return `${index % 5 === 0 ? "\u0010" : ""}${index}:`.padEnd(size, "x");
}

function numberOf(message: unknown): number {
  return Number.parseInt((message as string).replace("\u0010", ""), 10);
}

describe("a session, however its messages and reads interleave", () => {
  test("loses nothing, never overdraws, and always goes on", { timeout: 120_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 150, size: "max" }), async (steps) => {
        const way = new TwoWay();
        // It throws for what a client may not do; every check of ours is in there or below.
        const peer = new CreditPeer(way, { bytes: 65_536, messages: 64 });
        way.receive = (message) => peer.receive(message);
        const socket = new WebSocketStream("ws://model", {
          WebSocket: way.WebSocket,
          highWaterMark: 80_000,
          maxUnreadMessages: 64,
        });
        way.open();
        const { readable, writable } = await socket.opened;
        const lanes = [readable, socket.lane("video"), socket.lane("chat")];
        const readers = lanes.map((lane) => lane.getReader());
        const writer = writable.getWriter();
        const read: number[][] = [[], [], []];
        const reads = [0, 0, 0];
        const answered: number[] = [];
        let [isHello, written, isWriting] = [false, 0, false];

        const readOne = (lane: number): void => {
          reads[lane] = (reads[lane] ?? 0) + 1;
          void readers[lane]?.read().then(({ value }) => {
            if (value !== undefined) read[lane]?.push(numberOf(value));
          });
        };
        const write = (size: number): void => {
          if (isWriting) return;
          isWriting = true;
          void writer.write(numbered(written++, size)).finally(() => (isWriting = false));
        };
        const greet = (): void => {
          if (isHello) return;
          isHello = true;
          peer.hello();
          for (const lane of [1, 2]) peer.name(lane, NAMES[lane] as string);
        };

        for (const one of steps) {
          if (one.do === "arriveAtClient") way.moveToClient();
          else if (one.do === "arriveAtServer") way.moveToServer();
          else if (one.do === "settle") await settle();
          else if (one.do === "hello") greet();
          else if (one.do === "clientReads") readOne(one.lane);
          else if (one.do === "serverReads") {
            answered.push(...peer.read(one.count).map(numberOf));
          } else if (one.do === "clientWrites") write(one.size);
          else if (isHello && one.do === "serverAsks") peer.ask(one.lane);
          else if (isHello && one.do === "serverSends") {
            for (let sent = 0; sent < one.count; sent++) {
              if (!peer.send(numbered(peer.sentOn(one.lane), one.size), one.lane)) break;
            }
            if (one.asks) peer.ask(one.lane);
          }
          expect(socket.stats().unreadMessages).toBeLessThanOrEqual(3 * 64);
        }

        // Whatever has stalled: once both sides read and the network moves, everything gets through.
        const finish = async (): Promise<void> => {
          for (let round = 0; round < 1000; round++) {
            way.moveToClient();
            way.moveToServer();
            answered.push(...peer.read(1).map(numberOf));
            for (const lane of [0, 1, 2]) {
              if ((reads[lane] ?? 0) < peer.sentOn(lane)) readOne(lane);
            }
            if (round % 10 === 0) await settle();
            const { toClient, toServer } = way.underWay;
            const isRead = [0, 1, 2].every((lane) => (reads[lane] ?? 0) >= peer.sentOn(lane));
            if (toClient + toServer + peer.unread.length > 0 || isWriting || !isRead) continue;
            // Reads settle, and what they lead to moves.
            await settle();
            if (way.underWay.toServer === 0) return;
          }
          throw new Error("it goes on and on, or not at all");
        };
        greet();
        for (const lane of [0, 1, 2]) peer.ask(lane);
        await finish();
        write(10);
        for (const lane of [0, 1, 2]) peer.ask(lane);
        await finish();
        expect(answered).toEqual(Array.from({ length: written }, (_, index) => index));
        for (const lane of [0, 1, 2]) {
          const sent = Array.from({ length: peer.sentOn(lane) }, (_, index) => index);
          expect(read[lane]).toEqual(sent);
          expect(peer.unreadBy(lane)).toEqual({ bytes: 0, messages: 0 });
        }
        expect(socket.stats()).toMatchObject({ unreadMessages: 0, credits: "agreed" });
        expect(socket.stats().dropped.chunks).toBe(0);

        socket.close();
        while (way.underWay.toServer > 0) way.moveToServer();
        way.moveToServer();
        expect(await socket.closed).toEqual({ closeCode: 1005, reason: "" });
      }),
      {
        numRuns: 200,
        // All has come, and waits for more reads than there are rounds without anything on its way.
        examples: [
          [
            [
              { do: "hello" },
              { do: "serverSends", lane: 0, size: 1024, count: 12, asks: false },
              ...Array.from({ length: 15 }, () => ({ do: "arriveAtClient" }) as const),
            ],
          ],
        ],
      },
    );
  });
});
