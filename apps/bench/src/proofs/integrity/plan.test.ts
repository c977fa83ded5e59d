import { describe, expect, test } from "vitest";
import { describeMessage, planMessages } from "./plan.ts";

const BYTES = 50_000_000;

describe("planMessages()", () => {
  const messages = [...planMessages(1, BYTES)];
  const share = (of: (message: (typeof messages)[number]) => boolean): number =>
    messages.filter(of).length / messages.length;

  test("is the same for the same seed, and another for another", () => {
    expect([...planMessages(1, BYTES)]).toEqual(messages);
    expect([...planMessages(2, BYTES)]).not.toEqual(messages);
  });

  test("ends when there is enough", () => {
    const bytes = messages.reduce((sum, message) => sum + message.bytes, 0);
    expect(bytes).toBeGreaterThanOrEqual(BYTES);
    expect(bytes - BYTES).toBeLessThan(1_000_000);
    expect(messages.map(({ number }) => number)).toEqual(messages.map((_, index) => index + 1));
  });

  test("has messages of every magnitude, up to 1 MB, and the edges", () => {
    for (const edge of [0, 125, 126, 127, 65_535, 65_536]) {
      expect(share(({ bytes }) => bytes === edge)).toBeGreaterThan(0.005);
    }
    for (let least = 1; least < 1_000_000; least *= 10) {
      const magnitude = share(({ bytes }) => bytes >= least && bytes < 10 * least);
      expect(magnitude).toBeGreaterThan(0.05);
    }
    expect(Math.max(...messages.map(({ bytes }) => bytes))).toBeLessThanOrEqual(1_000_000);
  });

  test("has half of each type, form and route", () => {
    for (const half of [
      share(({ type }) => type === "text"),
      share(({ isPrepared }) => isPrepared),
      share(({ route }) => route === "pump"),
    ]) {
      expect(Math.abs(half - 0.5)).toBeLessThan(0.15);
    }
  });
});

test("describeMessage() says which one it is", () => {
  const [, second] = planMessages(3, Infinity);
  expect(describeMessage(3, 2)).toBe(
    `message 2 (${second?.type}, ${second?.bytes.toLocaleString("en")} bytes, ` +
      `${second?.isPrepared ? "a frame" : "a plain chunk"}, by the ${second?.route})`,
  );
});
