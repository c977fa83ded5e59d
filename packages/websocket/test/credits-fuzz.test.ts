import { creditOf, decodeControl, MAX_QUESTIONS, SUBPROTOCOL } from "@spillway/streams/protocol";
import { waitFor } from "@spillway/testing";
import { type RawFrame, rawPeer } from "@spillway/testing/node";
import type { Connection } from "@spillway/websocket";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { outcome, serve } from "./support.ts";
import { bystander, closeCodeOf, framesOf } from "./trouble.ts";

type Message = string | Uint8Array;

/** What a peer sends in one go. */
type Step =
  | { readonly text: string }
  | { readonly bytes: Uint8Array }
  | { readonly flood: number }
  | { readonly frames: readonly RawFrame[]; readonly closeCode?: number };

const LANES = 2;
const PROTOCOL_FAULT = { closeCode: 1002, code: "SPW_ERR_PROTOCOL" };
const CREDIT_FAULT = { closeCode: 1008, code: "SPW_ERR_CREDIT" };
type Fault = typeof PROTOCOL_FAULT;
const MAX_UNREAD = 1_024;

/** What a server must make of it, by the letter of the reference. */
class Oracle {
  readonly data: Message[] = [];
  fault: Fault | undefined;
  readonly #reads: boolean;
  #isAgreed = false;
  #questions = 0;

  constructor(reads: boolean) {
    this.#reads = reads;
  }

  take(step: Step): void {
    if (this.fault) return;
    if ("frames" in step) this.#frames(step.frames, step.closeCode);
    else if ("bytes" in step) this.#keep(step.bytes);
    else if ("flood" in step) for (let sent = 0; sent < step.flood; sent++) this.#keep("");
    else if (step.text.startsWith("\u0010")) this.#control(step.text);
    else this.#keep(step.text);
  }

  #keep(message: Message): void {
    if (this.fault) return;
    if (!this.#reads && this.data.length >= MAX_UNREAD) this.fault = CREDIT_FAULT;
    else this.data.push(message);
  }

  #frames(frames: readonly RawFrame[], closeCode: number | undefined): void {
    if (closeCode !== undefined) this.fault = { ...PROTOCOL_FAULT, closeCode };
    else if ((frames[0]?.opcode ?? 9) < 8) {
      this.#keep(frames.map(({ payload }) => String(payload)).join(""));
    }
  }

  #control(text: string): void {
    if (!this.#isAgreed && text[1] !== "V") this.#keep(text);
    else {
      try {
        this.#obey(decodeControl(text));
      } catch {
        this.fault = PROTOCOL_FAULT;
      }
    }
  }

  #obey(said: ReturnType<typeof decodeControl>): void {
    if (typeof said === "string") return this.#keep(said);
    if (said.type === "suspend" || said.type === "resume") return;
    if (said.type === "resync" && said.lane < LANES) return;
    if (said.type === "hello" && !this.#isAgreed) {
      creditOf(said);
      this.#isAgreed = true;
    } else if (said.type === "ask") {
      if (!this.#reads && this.data.length > 0) this.#questions++;
      if (this.#questions > MAX_QUESTIONS) this.fault = CREDIT_FAULT;
    } else this.fault = PROTOCOL_FAULT;
  }
}

const say = (text: string): Step => ({ text: `\u0010${text}` });
const lane = fc.oneof(fc.nat({ max: 3 }), fc.constantFrom(255, 256, 2 ** 53 - 1, 2 ** 53));
const count = fc.oneof(fc.nat({ max: 9 }), fc.constantFrom(63, 64, 65_536, 2 ** 53 - 1, -1, 0.5));

/** What the subprotocol has words for, rightly and wrongly used. Only what is answered may be asked. */
const spoken: fc.Arbitrary<Step> = fc.oneof(
  fc.constantFrom(...["V1,65536,64", "V1,1000000,1000", "Q", "S", "R", "Y0", "Y1"].map(say)),
  fc
    .tuple(fc.constantFrom("L", "E", "Y", "G", "X"), lane)
    .map(([letter, number]) => say(letter + number)),
  fc.tuple(count, count, count).map((fields) => say(`V${fields.join(",")}`)),
  fc.tuple(lane, fc.constantFrom(2 ** 53 - 1, -1)).map((fields) => say(`A${fields.join(",")}`)),
  fc.tuple(lane, fc.string({ maxLength: 66 })).map((fields) => say(`N${fields.join(",")}`)),
  fc
    .string({ maxLength: 10, unit: "binary-ascii" })
    .filter((text) => !/^A[01],/u.test(text))
    .map(say),
  fc.string({ maxLength: 300 }).map((text) => say(`\u0010${text}`)),
);

const data: fc.Arbitrary<Step> = fc.oneof(
  fc.string({ maxLength: 200 }).map((text) => ({ text: `x${text}` })),
  fc.uint8Array({ maxLength: 2_000 }).map((bytes) => ({ bytes })),
);

const close = (...payload: number[]): RawFrame => ({
  opcode: 8,
  payload: Uint8Array.from(payload),
});
/** Frames that RFC 6455 has, and frames that it has not. */
const framed: fc.Arbitrary<Step> = fc.oneof(
  fc
    .constantFrom<RawFrame[]>(
      [{ opcode: 9, payload: "ping" }],
      [{ opcode: 10, payload: "pong that nobody asked for" }],
      [
        { opcode: 1, payload: "in two", fin: false },
        { opcode: 0, payload: " pieces" },
      ],
    )
    .map((frames) => ({ frames })),
  fc
    .constantFrom<[number, ...RawFrame[]]>(
      [1002, { opcode: 1, payload: "not masked", mask: false }],
      [1002, { opcode: 2, rsv: 0b100, payload: "not compressed" }],
      [1002, { opcode: 3 }],
      [1002, { opcode: 11 }],
      [1002, { opcode: 0, payload: "of nothing" }],
      [1002, { opcode: 9, fin: false }],
      [1002, { opcode: 9, payload: new Uint8Array(126) }],
      [1002, close(3)],
      [1002, close(3, 237)],
      [1007, { opcode: 1, payload: Uint8Array.from([0xc3, 0x28]) }],
      [1007, { opcode: 1, payload: Uint8Array.from([0x10, 0xff]) }],
    )
    .map(([closeCode, ...frames]) => ({ frames, closeCode })),
);

/** More than may be unread, where it is not read. */
const excess: fc.Arbitrary<Step[]> = fc.oneof(
  fc.constantFrom<Step[]>([{ flood: MAX_UNREAD - 20 }], [{ flood: 60 }]),
  fc.nat({ max: 80 }).map((times) => Array<Step>(times).fill(say("Q"))),
);

/** What comes from a peer that has mostly introduced itself, and is mostly right. */
function steps(reads: boolean): fc.Arbitrary<readonly Step[]> {
  const after = fc.oneof(
    { arbitrary: data.map((one) => [one]), weight: 8 },
    { arbitrary: spoken.map((one) => [one]), weight: 8 },
    { arbitrary: framed.map((one) => [one]), weight: 2 },
    // How far a server has got that reads is its own affair.
    { arbitrary: excess, weight: reads ? 0 : 2 },
  );
  return fc
    .tuple(
      fc.array(fc.oneof({ arbitrary: data, weight: 3 }, spoken), { maxLength: 4 }),
      fc.constantFrom<Step[]>([say("V1,65536,64")], []),
      fc.array(after, { maxLength: 20 }),
    )
    .map(([before, hello, rest]) => before.concat(hello, rest.flat()));
}

function framesOfStep(step: Step): readonly RawFrame[] {
  if ("frames" in step) return step.frames;
  if ("bytes" in step) return [{ opcode: 2, payload: step.bytes }];
  if ("flood" in step) return Array.from({ length: step.flood }, () => ({ opcode: 1 }));
  return [{ opcode: 1, payload: step.text }];
}

/** Writes on every lane as fast as it is let. */
function write({ writable }: { writable: WritableStream }): Promise<unknown> {
  const pictures = new ReadableStream({
    pull: (controller) => controller.enqueue(new Uint8Array(10_000)),
  });
  return outcome(pictures.pipeTo(writable));
}

function read(connection: Connection): { received: Message[]; done: Promise<unknown> } {
  const received: Message[] = [];
  const sink = new WritableStream<Message>({ write: (message) => void received.push(message) });
  return { received, done: outcome(connection.readable.pipeTo(sink)) };
}

test(
  "whatever a peer sends, it is told what is wrong, and nobody else is harmed",
  { timeout: 120_000 },
  async () => {
    const server = await serve();
    const beside = await bystander(server);
    const headers = { "Sec-WebSocket-Protocol": SUBPROTOCOL };
    const meets = async (reads: boolean, sent: readonly Step[]): Promise<void> => {
      const oracle = new Oracle(reads);
      const peer = await rawPeer(server.url, { headers });
      const frames = framesOf(peer);
      const connection = await server.next();
      const video = connection.lane({ name: "video" });
      const writing = [write(connection), write({ writable: video })];
      let reading = reads ? read(connection) : undefined;
      for (const step of sent) {
        oracle.take(step);
        await Promise.all(framesOfStep(step).map(async (frame) => peer.sendFrame(frame))).catch(
          () => {},
        );
      }
      const fault = oracle.fault ?? { closeCode: 1000, code: "SPW_ERR_CLOSED" };
      if (!oracle.fault) {
        reading ??= read(connection);
        await peer.sendFrame(close(3, 232));
      }
      await waitFor(() => closeCodeOf(frames()) !== undefined, { message: "a Close" });
      expect(closeCodeOf(frames())).toBe(fault.closeCode);
      peer.vanish();
      await connection.closed;
      reading ??= read(connection);
      await Promise.all([...writing, reading.done]);
      expect(connection.signal.reason).toMatchObject({ code: fault.code });
      const { received } = reading;
      expect(received.map(String)).toEqual(oracle.data.slice(0, received.length).map(String));
      if (!oracle.fault) expect(received).toHaveLength(oracle.data.length);
      expect(connection.stats()).toMatchObject({ queuedBytes: 0, receiveQueuedBytes: 0 });
    };
    for (const reads of [true, false]) {
      const property = fc.asyncProperty(steps(reads), async (sent) => meets(reads, sent));
      await fc.assert(property, { numRuns: 150, endOnFailure: true });
    }
    await beside.unharmed();
  },
);
