import { type RawFrame, rawPeer } from "@spillway/testing/node";
import type { Connection } from "@spillway/websocket";
import { describe, expect, test } from "vitest";
import { outcome, serve } from "./support.ts";
import { bystander, closeCodeOf, framesOf } from "./trouble.ts";

/** One thing a peer sends: a frame, or bytes that no encoder would write. */
type Step = RawFrame | Uint8Array;

const MASKED = 0x80;
/** A mask of zeros leaves the payload as it is. */
const MASK = [0, 0, 0, 0];

const bytes = (...values: (number | number[])[]): Uint8Array => Uint8Array.from(values.flat());
const ascii = (text: string): number[] => [...Buffer.from(text)];
const closeWith = (code: number, reason: string | number[] = ""): RawFrame => ({
  opcode: 8,
  payload: bytes(code >> 8, code & 0xff, typeof reason === "string" ? ascii(reason) : reason),
});

const broken: [string, Step[], number, string][] = [];
const breaks = (what: string, steps: Step[], code = 1002, error = "SPW_ERR_PROTOCOL"): void => {
  broken.push([what, steps, code, error]);
};

// Section 5.1: a client masks every frame.
breaks("an unmasked text", [{ opcode: 1, payload: "x", mask: false }]);
breaks("an unmasked empty text", [{ opcode: 1, mask: false }]);
breaks("an unmasked ping", [{ opcode: 9, mask: false }]);
breaks("an unmasked Close", [{ ...closeWith(1000), mask: false }]);
// Section 5.2: reserved bits without an extension that gives them a meaning, reserved opcodes.
for (const rsv of [0b100, 0b010, 0b001, 0b111]) {
  const bits = rsv.toString(2).padStart(3, "0");
  breaks(`reserved bits ${bits} in a message`, [{ opcode: 2, payload: "x", rsv }]);
  breaks(`reserved bits ${bits} in a ping`, [{ opcode: 9, rsv }]);
}
breaks("a reserved bit in a continuation", [
  { opcode: 1, payload: "a", fin: false },
  { opcode: 0, payload: "b", rsv: 0b100 },
]);
for (const opcode of [3, 4, 5, 6, 7, 11, 12, 13, 14, 15]) {
  breaks(`the reserved opcode ${opcode}`, [{ opcode, payload: "x" }]);
}
// `ws` says "too big" here, since it gives up before it looks at the bit.
breaks(
  "a length of 64 bits with the top bit set",
  [bytes(0x82, MASKED | 127, [0x80, 0, 0, 0, 0, 0, 0, 1], MASK, 1)],
  1009,
  "SPW_ERR_MESSAGE_TOO_BIG",
);
// Section 5.4: fragments.
breaks("a continuation of nothing", [{ opcode: 0, payload: "x" }]);
breaks("a continuation of a message that has ended", [
  { opcode: 1, payload: "a", fin: false },
  { opcode: 0, payload: "b" },
  { opcode: 0, payload: "c" },
]);
for (const [name, opcode] of Object.entries({ text: 1, binary: 2 })) {
  breaks(`a ${name} message within another`, [
    { opcode: 1, payload: "a", fin: false },
    { opcode, payload: "b" },
  ]);
}
// Section 5.5: control frames.
for (const [name, opcode] of Object.entries({ Close: 8, ping: 9, pong: 10 })) {
  breaks(`a ${name} in fragments`, [{ opcode, fin: false }]);
  breaks(`a ${name} of 126 bytes`, [{ opcode, payload: Buffer.alloc(126, 3) }]);
}
breaks("a Close of 1 byte", [{ opcode: 8, payload: bytes(3) }]);
// Section 7.4: codes that no endpoint may send.
for (const code of [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535]) {
  breaks(`a Close with ${code}`, [closeWith(code)]);
}
// Section 8.1: text is UTF-8, in a Close too.
breaks("a text of no UTF-8", [{ opcode: 1, payload: bytes(0xc3, 0x28) }], 1007);
breaks("a text with a surrogate", [{ opcode: 1, payload: bytes(0xed, 0xa0, 0x80) }], 1007);
breaks(
  "a text in fragments whose last character is cut off",
  [
    { opcode: 1, payload: "gr", fin: false },
    { opcode: 0, payload: bytes(0xc3) },
  ],
  1007,
);
breaks("a Close whose reason is no UTF-8", [closeWith(1000, [0xff])], 1007);

async function meet() {
  const server = await serve();
  const beside = await bystander(server);
  const peer = await rawPeer(server.url);
  const connection = await server.next();
  const send = async (steps: readonly Step[]): Promise<void> => {
    for (const step of steps) {
      await (step instanceof Uint8Array ? peer.sendBytes(step) : peer.sendFrame(step));
    }
  };
  return { beside, peer, connection, send, frames: framesOf(peer) };
}

async function nothingIsLeft(connection: Connection): Promise<void> {
  expect(connection.state).toBe("dead");
  expect(connection.stats()).toMatchObject({
    queuedBytes: 0,
    bufferedBytes: 0,
    receiveQueuedBytes: 0,
  });
  expect(connection.send("late")).toBe(false);
}

describe("a peer that breaks RFC 6455", () => {
  test.each(broken)("with %s is told so, and both streams learn it", async (...row) => {
    const [, steps, closeCode, code] = row;
    const { beside, peer, connection, send, frames } = await meet();
    const writer = connection.writable.getWriter();
    const writing = writer.write("sent in time");
    const { signal, closed } = connection;
    const reading = connection.readable.pipeTo(new WritableStream());
    await send(steps);

    const error = (await reading.catch((reason: unknown) => reason)) as Error;
    expect(error).toMatchObject({ code });
    expect(error.cause).toBeInstanceOf(Error);
    expect(signal.reason).toBe(error);
    expect(await writer.closed.catch((reason: unknown) => reason)).toBe(error);
    expect(await writer.ready.catch((reason: unknown) => reason)).toBe(error);
    expect(await outcome(writer.write("late"))).toBe(code);
    expect(await outcome(writing)).toBe("resolved");
    expect(await closed).toEqual({
      closeCode,
      reason: expect.stringContaining("Cannot receive"),
      wasClean: false,
    });
    await peer.closed;
    expect(closeCodeOf(frames())).toBe(closeCode);
    await nothingIsLeft(connection);
    await beside.unharmed();
  });

  test("frees a pipe in both directions", async () => {
    const { beside, connection, send } = await meet();
    const source = new ReadableStream<string>({});
    const piping = outcome(source.pipeTo(connection.writable));
    const reading = outcome(connection.readable.pipeTo(new WritableStream()));
    await send([{ opcode: 5 }]);
    expect(await Promise.all([piping, reading])).toEqual(Array(2).fill("SPW_ERR_PROTOCOL"));
    expect(connection.stats().queuedBytes).toBe(0);
    await beside.unharmed();
  });

  test("loses what it said before and nobody has read, counted", async () => {
    const { beside, connection, send } = await meet();
    await send([{ opcode: 1, payload: "fine" }, { opcode: 3 }]);
    await connection.closed;
    const reader = connection.readable.getReader();
    expect(await outcome(reader.read())).toBe("SPW_ERR_PROTOCOL");
    expect(connection.stats().dropped.reasons["closed"]).toEqual({ chunks: 1, size: 6 });
    await beside.unharmed();
  });
});

describe("what RFC 6455 lets a peer do", () => {
  test.each<[string, Step[], unknown]>([
    ["a ping within a message", [part("a"), { opcode: 9 }, rest("b")], "ab"],
    ["a pong within a message", [part("a"), { opcode: 10, payload: "?" }, rest("b")], "ab"],
    ["an empty first and last fragment", [part(""), part("ab", 0), rest("")], "ab"],
    ["a character across fragments", [part(bytes(0xc3)), rest(bytes(0xbc))], "ü"],
    [
      "a pong nobody asked for",
      [
        { opcode: 10, payload: "?" },
        { opcode: 1, payload: "x" },
      ],
      "x",
    ],
    ["a ping of 125 bytes", [{ opcode: 9, payload: Buffer.alloc(125) }, { opcode: 1 }], ""],
    // Section 5.2 asks for the shortest length; `ws` takes any.
    ["a length of 16 bits for 2 bytes", [bytes(0x81, MASKED | 126, 0, 2, MASK, ascii("ok"))], "ok"],
    [
      "a length of 64 bits for 2 bytes",
      [bytes(0x81, MASKED | 127, [0, 0, 0, 0, 0, 0, 0, 2], MASK, ascii("ok"))],
      "ok",
    ],
  ])("%s: the message arrives", async (_what, steps, message) => {
    const { beside, peer, connection, send } = await meet();
    const reader = connection.readable.getReader();
    await send(steps);
    expect((await reader.read()).value).toBe(message);
    expect(connection.state).toBe("healthy");
    peer.vanish();
    await connection.closed;
    await beside.unharmed();
  });

  test.each([1000, 1001, 1011, 1014, 3000, 4999])("a Close with %i is echoed", async (code) => {
    const { beside, peer, connection, send, frames } = await meet();
    const reading = connection.readable.getReader().read();
    await send([closeWith(code, "bye")]);
    expect(await connection.closed).toEqual({ closeCode: code, reason: "bye", wasClean: true });
    expect(await reading).toEqual({ value: undefined, done: true });
    await peer.closed;
    expect(closeCodeOf(frames())).toBe(code);
    await nothingIsLeft(connection);
    await beside.unharmed();
  });

  test("a Close without a code is read as 1005 and answered with none", async () => {
    const { beside, peer, connection, send, frames } = await meet();
    await send([{ opcode: 8 }]);
    expect(await connection.closed).toEqual({ closeCode: 1005, reason: "", wasClean: true });
    await peer.closed;
    expect(closeCodeOf(frames())).toBe(1005);
    await beside.unharmed();
  });

  test("what follows its Close is ignored, legal or not", async () => {
    const { beside, peer, connection, send, frames } = await meet();
    const { readable } = connection;
    peer.socket.cork();
    const sending = send([
      { opcode: 1, payload: "before" },
      closeWith(1000),
      { opcode: 1, payload: "after" },
      { opcode: 3, mask: false },
    ]).catch(() => {});
    peer.socket.uncork();
    expect(await connection.closed).toMatchObject({ closeCode: 1000, wasClean: true });
    const messages = [];
    for await (const message of readable) messages.push(message);
    expect(messages).toEqual(["before"]);
    await peer.closed;
    await sending;
    expect(closeCodeOf(frames())).toBe(1000);
    await beside.unharmed();
  });
});

function part(payload: string | Uint8Array, opcode = 1): RawFrame {
  return { opcode, payload, fin: false };
}

function rest(payload: string | Uint8Array): RawFrame {
  return { opcode: 0, payload };
}
