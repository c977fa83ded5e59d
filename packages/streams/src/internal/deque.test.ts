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
  | { readonly push: number }
  | { readonly remove: number }
  | { readonly takeOut: number }
  | { readonly replace: number }
  | "shift"
  | "cycle";

const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ push: fc.nat(3) }) },
  { weight: 2, arbitrary: fc.record({ remove: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ takeOut: fc.integer({ min: 2, max: 5 }) }) },
  { weight: 1, arbitrary: fc.record({ replace: fc.nat() }) },
  { weight: 3, arbitrary: fc.constantFrom("shift" as const, "cycle" as const) },
);

function run(deque: Deque<number>, model: Model, step: Command): void {
  const [oldest] = model.line;
  if (typeof step === "object" && "push" in step) {
    const entry = { chunk: model.next++, size: step.push };
    model.line.push(entry);
    deque.push({ ...entry, time: 0 });
  } else if (!oldest) {
    expect(() => deque.remove(deque.first)).toThrow(RangeError);
  } else if (step === "cycle") {
    expect(deque.cycle(model.next, oldest.size + 1)).toBe(false);
    expect(deque.cycle(model.next, oldest.size)).toBe(true);
    model.line.push({ chunk: model.next++, size: oldest.size });
    model.line.shift();
    model.first++;
  } else if (step === "shift") {
    expect(deque.remove(deque.first)).toMatchObject(oldest);
    model.line.shift();
    model.first++;
  } else if ("remove" in step) {
    const index = step.remove % model.line.length;
    const removed = deque.remove(deque.first + index);
    expect(removed).toMatchObject(model.line.splice(index, 1)[0] ?? oldest);
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
});
