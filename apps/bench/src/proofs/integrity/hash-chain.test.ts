import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { CHECKPOINT, type Checkpoint } from "./checkpoint.ts";
import { HashChain } from "./hash-chain.ts";
import { WebHashChain } from "./web-hash-chain.ts";

const PYTHON = "/usr/bin/python3";

const messages = [
  { type: "text", text: "" },
  { type: "binary", text: "" },
  { type: "text", text: "\uFEFFa spillway: ü, 水, 🌊\0" },
  { type: "binary", text: "x".repeat(70_000) },
] as const;

/** Made once with `sha256sum`. */
const expected: Checkpoint = {
  messages: 4,
  hash: "d221bf65cf375bfe2b84aef8a11e401fcc569a68ba9b24f06815a04079ff1671",
  marks: "a536aa3c4322fd2b4721a9f6d94e3a73",
};

async function ofPage(): Promise<Checkpoint> {
  const chain = new WebHashChain();
  for (const { type, text } of messages) await chain.add(type, Buffer.from(text));
  return chain.checkpoint();
}

function ofNode(): Checkpoint {
  const chain = new HashChain();
  for (const { type, text } of messages) chain.add(type, Buffer.from(text));
  return chain.checkpoint();
}

function ofPython(): Checkpoint {
  const script = `
import json, sys
sys.path.insert(0, sys.argv[1])
sys.dont_write_bytecode = True
from receive import HashChain
chain = HashChain()
for message in json.loads(sys.argv[2]):
    chain.add({"text": 1, "binary": 2}[message["type"]], message["text"].encode())
print(json.dumps(chain.checkpoint()))`;
  const folder = fileURLToPath(new URL("receivers/", import.meta.url));
  const args = ["-c", script, folder, JSON.stringify(messages)];
  return JSON.parse(execFileSync(PYTHON, args, { encoding: "utf8" })) as Checkpoint;
}

describe("the chain of digests", () => {
  test("is the known one in Node", () => {
    expect(ofNode()).toEqual(expected);
  });

  test("is the known one with what a page has", async () => {
    expect(await ofPage()).toEqual(expected);
  });

  test.skipIf(!existsSync(PYTHON))("is the known one in Python", () => {
    expect(ofPython()).toEqual(expected);
  });

  test("tells type, length and order", () => {
    const hashes = [
      [["text", "ab"]],
      [["binary", "ab"]],
      [
        ["text", "a"],
        ["text", "b"],
      ],
      [
        ["text", "b"],
        ["text", "a"],
      ],
    ].map((each) => {
      const chain = new HashChain();
      for (const [type, text] of each) chain.add(type as "text", Buffer.from(text ?? ""));
      return chain.checkpoint().hash;
    });
    expect(new Set(hashes).size).toBe(hashes.length);
  });

  test("has a checkpoint every so often, each with its own marks", async () => {
    const chains = [new HashChain(), new WebHashChain()];
    for (const chain of chains) {
      const found: (Checkpoint | undefined)[] = [];
      for (let sent = 0; sent < 2 * CHECKPOINT; sent++) {
        found.push(await chain.add("text", Buffer.from(String(sent))));
      }
      const due = found.filter((checkpoint) => checkpoint !== undefined);
      expect(due.map((checkpoint) => checkpoint.messages)).toEqual([CHECKPOINT, 2 * CHECKPOINT]);
      expect(due[0]?.marks).toHaveLength(due[1]?.marks.length ?? 0);
      expect(chain.checkpoint().marks).toBe("");
    }
  });
});
