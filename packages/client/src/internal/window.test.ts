import { MAX_QUESTIONS } from "@spillway/streams/protocol";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CreditWindow } from "./window.ts";

describe("CreditWindow", () => {
  test("is shut by bytes and by messages, each alone", () => {
    const window = new CreditWindow();
    window.send(65_535);
    expect(window.isOpen).toBe(true);
    window.send(1);
    expect(window.isOpen).toBe(false);
    window.grant({ bytes: 1_000_000, messages: 3 });
    expect(window.isOpen).toBe(true);
    window.send(0);
    expect(window.isOpen).toBe(false);
  });

  test("asks about each quarter, and about what shuts it", () => {
    const window = new CreditWindow();
    window.grant({ bytes: 1_000_000, messages: 100 });
    const asked: number[] = [];
    while (window.isOpen) {
      window.send(1);
      if (window.isDue && window.ask()) asked.push(window.sent.messages);
    }
    expect(asked).toEqual([25, 50, 75, 100]);
    expect(window.isDue).toBe(false);
  });

  test("takes answers to what it has asked, each once, and the last for those before", () => {
    const window = new CreditWindow();
    expect(() => window.answer(0)).toThrow(/about 0 messages/u);
    for (const messages of [5, 10, 20]) {
      while (window.sent.messages < messages) window.send(1);
      expect(window.ask()).toBe(true);
    }
    window.answer(10);
    expect(window.unread).toEqual({ bytes: 10, messages: 10 });
    for (const wrong of [5, 10, 9, 19, 21]) expect(() => window.answer(wrong)).toThrow(/not ask/u);
    window.answer(20);
    expect(window.unread.messages).toBe(0);
    expect(window.isAsked).toBe(false);
    for (let open = 0; open < MAX_QUESTIONS; open++) {
      window.send(1);
      expect(window.ask()).toBe(true);
      expect(window.isAsked).toBe(true);
    }
    window.send(1);
    expect([window.ask(), window.isAsked]).toEqual([false, false]);
  });

  test("whatever is sent and answered, an open question stands whenever it is shut", () => {
    const steps = fc.array(fc.oneof(fc.nat(70_000), fc.constant("answer" as const)), {
      maxLength: 300,
    });
    fc.assert(
      fc.property(steps, fc.integer({ min: 64, max: 90 }), (all, messages) => {
        const window = new CreditWindow();
        window.grant({ bytes: 65_536, messages });
        const questions: number[] = [];
        for (const one of all) {
          if (one === "answer") {
            const answered = questions.shift();
            if (answered !== undefined) window.answer(answered);
          } else if (window.isOpen) window.send(one);
          if (window.isDue && window.ask()) questions.push(window.sent.messages);
          expect(window.isOpen || questions.at(-1) === window.sent.messages).toBe(true);
          expect(questions.length).toBeLessThanOrEqual(MAX_QUESTIONS);
        }
        for (const answered of questions) window.answer(answered);
        expect(window.isOpen).toBe(true);
      }),
    );
  });
});
