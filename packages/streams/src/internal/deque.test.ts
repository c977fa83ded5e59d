import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Deque } from "./deque.ts";

/** What is in line, as a plain array: the chunk is its ticket. */
interface Model {
  first: number;
  next: number;
  line: { chunk: number; size: number }[];
}

type Command =
  | { readonly push: number; readonly isBare: boolean }
  | { readonly remove: number }
  | { readonly takeOut: number }
  | { readonly replace: number }
  | "shift"
  | "discard"
  | "cycle";

const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ push: fc.nat(3), isBare: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ remove: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ takeOut: fc.integer({ min: 2, max: 5 }) }) },
  { weight: 1, arbitrary: fc.record({ replace: fc.nat() }) },
  { weight: 3, arbitrary: fc.constantFrom("shift" as const, "discard" as const, "cycle" as const) },
);

function run(deque: Deque<number>, model: Model, step: Command): void {
  const [oldest] = model.line;
  if (typeof step === "object" && "push" in step) {
    const entry = { chunk: model.next++, size: step.push };
    model.line.push(entry);
    if (step.isBare) deque.pushBare(entry.chunk, entry.size);
    else deque.push({ ...entry, time: 0 });
  } else if (!oldest) {
    expect(() => deque.shift()).toThrow(RangeError);
  } else if (step === "cycle") {
    // Whether it does so is its own affair when an entry that weighs the same is first.
    if (!deque.cycle(model.next, oldest.size)) return;
    model.line.push({ chunk: model.next++, size: oldest.size });
    model.line.shift();
    model.first++;
  } else if (step === "shift") {
    expect(deque.shift()).toMatchObject(oldest);
    model.line.shift();
    model.first++;
  } else if (step === "discard") {
    expect(deque.discard()).toBe(oldest.size);
    model.line.shift();
    model.first++;
  } else if ("remove" in step) {
    const index = step.remove % model.line.length;
    deque.remove(deque.first + index);
    model.line.splice(index, 1);
    if (index === 0) model.first++;
  } else if ("replace" in step) {
    const index = step.replace % model.line.length;
    const old = model.line[index] ?? oldest;
    expect(deque.replace(deque.first + index, { ...old, size: 4, time: 1 })).toMatchObject(old);
    model.line[index] = { chunk: old.chunk, size: 4 };
  } else {
    deque.takeOut(({ chunk }, _, ticket) => ticket === chunk && chunk % step.takeOut === 0);
    model.line = model.line.filter(({ chunk }) => chunk % step.takeOut !== 0);
  }
}

function check(deque: Deque<number>, { first, next, line }: Model): void {
  const held = line.map((_, index) => deque.at(deque.first + index));
  expect(held.map(({ chunk, size }) => ({ chunk, size }))).toEqual(line);
  expect(deque).toMatchObject({ first, next: first + line.length, length: line.length });
  expect(deque.size).toBe(line.reduce((sum, { size }) => sum + size, 0));
  expect(deque.nextTicket).toBe(next);
  expect(held.map((_, index) => deque.ticketAt(first + index))).toEqual(
    line.map(({ chunk }) => chunk),
  );
  for (let ticket = 0; ticket <= next; ticket++) {
    const index = line.findIndex(({ chunk }) => chunk >= ticket);
    expect(deque.findFrom(ticket)).toBe(index < 0 ? deque.next : first + index);
    expect(deque.find(ticket)).toBe(line[index]?.chunk === ticket ? first + index : -1);
  }
  expect(() => deque.at(first - 1)).toThrow(RangeError);
  expect(() => deque.at(first + line.length)).toThrow(RangeError);
}

describe("Deque", () => {
  test("is a line with positions and tickets", () => {
    const property = fc.property(fc.array(command, { maxLength: 60 }), (script) => {
      const deque = new Deque<number>();
      const model: Model = { first: 0, next: 0, line: [] };
      for (const step of script) {
        run(deque, model, step);
        check(deque, model);
      }
    });
    fc.assert(property, { numRuns: 300 });
  });

  test("cycles when what is first came bare and weighs the same", () => {
    const deque = new Deque<string>();
    deque.pushBare("a", 2);
    deque.push({ chunk: "b", size: 2, time: 0 });
    const cycled = [deque.cycle("c", 1), deque.cycle("c", 2), deque.cycle("d", 2)];
    expect(cycled).toEqual([false, true, false]);
    expect([deque.shift().chunk, deque.shift().chunk, deque.length]).toEqual(["b", "c", 0]);
  });
});
