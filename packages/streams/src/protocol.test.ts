import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import vectors from "../../../docs/reference/protocol-vectors.json" with { type: "json" };
import {
  type Control,
  decodeControl,
  encodeControl,
  escapeText,
  innerProtocol,
  isMarked,
  offeredProtocols,
  Reading,
} from "./protocol.ts";

const refused = expect.objectContaining({ code: "SPW_ERR_PROTOCOL" });

describe("control messages", () => {
  test.each(vectors.control)("$text is read and written", ({ text, says }) => {
    expect(isMarked(text)).toBe(true);
    expect(decodeControl(text)).toEqual(says);
    expect(encodeControl(says as Control)).toBe(text);
  });

  test.each(vectors.malformed)("$text is refused: $why", ({ text }) => {
    expect(() => decodeControl(text)).toThrow(refused);
  });

  test("are at most 256 characters long", () => {
    expect(() => decodeControl(`\u0010N1,${"x".repeat(300)}`)).toThrow(refused);
  });

  test("whatever follows the mark is read as it would be written, or refused", () => {
    const almost = fc.stringMatching(/^[VNLEGQASRY][\d,a]*$/u);
    const rest = fc.oneof(fc.string(), almost);
    fc.assert(
      fc.property(rest, (text) => {
        let said: Control | string;
        try {
          said = decodeControl(`\u0010${text}`);
        } catch (error) {
          expect(error).toEqual(refused);
          return;
        }
        const written = typeof said === "string" ? escapeText(said) : encodeControl(said);
        expect(written).toBe(`\u0010${text}`);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("texts of the application", () => {
  test.each(vectors.escaped)("$data travels as $text", ({ text, data }) => {
    expect(escapeText(data)).toBe(text);
    expect(decodeControl(text)).toBe(data);
  });

  test.each(vectors.data)("%j travels as it is", (data) => {
    expect(isMarked(data)).toBe(false);
    expect(escapeText(data)).toBe(data);
  });
});

describe("subprotocols", () => {
  test("are offered by way of this one first", () => {
    expect(offeredProtocols([])).toEqual(["spillway.v1"]);
    expect(offeredProtocols(["chat", "soap"])).toEqual([
      "spillway.v1.chat",
      "spillway.v1.soap",
      "chat",
      "soap",
    ]);
  });

  test("are those of the application inside", () => {
    expect(innerProtocol("spillway.v1")).toBe("");
    expect(innerProtocol("spillway.v1.chat.v2")).toBe("chat.v2");
    expect(innerProtocol("spillway.v10")).toBeUndefined();
    expect(innerProtocol("chat")).toBeUndefined();
    expect(innerProtocol("")).toBeUndefined();
  });
});

describe("Reading", () => {
  test("answers a question once all that came before was read", () => {
    const reading = new Reading();
    expect(reading.ask()).toBe(0);
    reading.receive();
    reading.receive();
    expect(reading.ask()).toBeUndefined();
    reading.receive();
    expect(reading.ask()).toBeUndefined();
    expect(reading.unread).toBe(3);
    expect(reading.take()).toBeUndefined();
    expect(reading.take()).toBe(2);
    expect(reading.take()).toBe(3);
    expect(reading.unread).toBe(0);
  });

  test("answers the last of several questions", () => {
    const reading = new Reading();
    for (let count = 0; count < 3; count++) {
      reading.receive();
      expect(reading.ask()).toBeUndefined();
    }
    expect(reading.take(3)).toBe(3);
  });

  test("takes 64 open questions", () => {
    const reading = new Reading();
    reading.receive();
    for (let count = 0; count < 64; count++) reading.ask();
    expect(() => reading.ask()).toThrow(expect.objectContaining({ code: "SPW_ERR_CREDIT" }));
  });
});
