import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Fifo, SizedFifo } from "./fifo.ts";

/** A value to push, or to shift. */
const script = fc.array(fc.oneof(fc.integer(), fc.constant("shift"), fc.constant("clear")), {
  maxLength: 200,
});

describe("Fifo", () => {
  test("does what an array does", () => {
    const property = fc.property(script, (steps) => {
      const [fifo, array] = [new Fifo<number>(), [] as number[]];
      for (const step of steps) {
        if (typeof step === "number") {
          fifo.push(step);
          array.push(step);
        } else if (step === "clear") {
          fifo.clear();
          array.length = 0;
        } else if (array.length > 0) expect(fifo.shift()).toBe(array.shift());
        expect(fifo.length).toBe(array.length);
        if (array.length > 0) expect(fifo.front).toBe(array[0]);
      }
      expect(array.map(() => fifo.shift())).toEqual(array);
    });
    fc.assert(property);
  });

  test("keeps undefined as a value", () => {
    const fifo = new Fifo<undefined>();
    fifo.push(undefined);
    expect(fifo.length).toBe(1);
    expect(fifo.shift()).toBeUndefined();
    expect(fifo.length).toBe(0);
  });
});

describe("SizedFifo", () => {
  test("sums the sizes of what it holds", () => {
    const property = fc.property(script, (steps) => {
      const [fifo, array] = [new SizedFifo<number>(), [] as number[]];
      for (const step of steps) {
        if (typeof step === "number") {
          fifo.push(step, Math.abs(step % 100));
          array.push(step);
        } else if (step === "clear") {
          fifo.clear();
          array.length = 0;
        } else if (array.length > 0) expect(fifo.shift()).toBe(array.shift());
        expect(fifo.length).toBe(array.length);
        expect(fifo.size).toBe(array.reduce((sum, value) => sum + Math.abs(value % 100), 0));
        if (array.length === 0) continue;
        expect(fifo.front).toBe(array[0]);
        expect(fifo.frontSize).toBe(Math.abs((array[0] as number) % 100));
      }
    });
    fc.assert(property);
  });

  test("weighs nothing once it is empty, whatever fractions went through", () => {
    const fifo = new SizedFifo<string>();
    for (const size of [0.1, 0.2, 0.7, 2 ** -53]) fifo.push("chunk", size);
    while (fifo.length > 0) fifo.shift();
    expect(fifo.size).toBe(0);
  });
});
