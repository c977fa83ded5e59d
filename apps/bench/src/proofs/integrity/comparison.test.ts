import { describe, expect, test } from "vitest";
import { CHECKPOINT, type Checkpoint } from "./checkpoint.ts";
import { Comparison, type Difference } from "./comparison.ts";
import { HashChain } from "./hash-chain.ts";

/** All checkpoints of one side. */
function account(messages: readonly string[]): Checkpoint[] {
  const chain = new HashChain();
  const due = messages.map((message) => chain.add("text", Buffer.from(message)));
  return [...due.filter((checkpoint) => checkpoint !== undefined), chain.checkpoint()];
}

function compare(sent: readonly string[], received: readonly string[]): Difference | undefined {
  const comparison = new Comparison();
  let found: Difference | undefined;
  for (const checkpoint of account(sent)) found ??= comparison.sent(checkpoint);
  for (const checkpoint of account(received)) found ??= comparison.received(checkpoint);
  return found ?? comparison.end();
}

const sent = Array.from({ length: 2.5 * CHECKPOINT }, (_, index) => `message ${index + 1}`);

describe("Comparison", () => {
  test("finds nothing in what is the same", () => {
    expect(compare(sent, sent)).toBeUndefined();
    expect(compare([], [])).toBeUndefined();
  });

  test.each([1, 999, 1000, 1001, 1500, 2500])("finds message %d changed", (message) => {
    expect(compare(sent, sent.with(message - 1, "?"))).toEqual({ message, what: "another" });
  });

  test.each([1, 999, 1000, 1001, 1500])("finds message %d left out", (message) => {
    expect(compare(sent, sent.toSpliced(message - 1, 1))).toEqual({ message, what: "another" });
  });

  test.each([1, 1000, 1001, 2000, 2500])("finds %d and what follows missing", (message) => {
    expect(compare(sent, sent.slice(0, message - 1))).toEqual({ message, what: "missing" });
  });

  test.each([1, 1000, 1001, 2000, 2500])("finds %d and what follows too many", (message) => {
    expect(compare(sent.slice(0, message - 1), sent)).toEqual({ message, what: "surplus" });
  });

  test("finds two that changed places", () => {
    const swapped = sent.with(1200, sent[1201] ?? "").with(1201, sent[1200] ?? "");
    expect(compare(sent, swapped)).toEqual({ message: 1201, what: "another" });
  });

  test("tells as soon as both sides have told", () => {
    const comparison = new Comparison();
    const [first] = account(sent);
    const [other] = account(sent.with(0, "?"));
    expect(comparison.received(other as Checkpoint)).toBeUndefined();
    expect(comparison.sent(first as Checkpoint)).toEqual({ message: 1, what: "another" });
  });
});
