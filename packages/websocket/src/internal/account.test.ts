import * as fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import { FlowWindow } from "../flow-window.ts";
import { Account } from "./account.ts";

const MARK = 10_000;

function makeAccount(): { account: Account; pings: Uint8Array[]; flow: FlowWindow } {
  const pings: Uint8Array[] = [];
  const flow = new FlowWindow(8_192, { ping: (payload) => pings.push(payload), opened: () => {} });
  return { account: new Account(MARK, flow, { opened: () => {} }), pings, flow };
}

const bytes = fc.integer({ min: 1, max: 3_000 });

const steps = fc.array(
  fc.oneof(
    fc.record({ send: bytes }),
    fc.record({ queue: bytes }),
    fc.constantFrom("look", "flush", "pong", "leave"),
  ),
  { maxLength: 60 },
);

describe("Account", () => {
  test("lends no more than there is room for, and counts as if it had not", () => {
    const property = fc.property(steps, bytes, (script, lent) => {
      const [plain, lending] = [makeAccount(), makeAccount()];
      let queued = 0;
      for (const step of script) {
        if (step === "look") {
          for (const name of ["sent", "buffered", "queued", "socketRoom", "room"] as const) {
            expect(lending.account[name]).toBe(plain.account[name]);
          }
          expect(lending.flow.inFlight).toBe(plain.flow.inFlight);
        } else if (step === "leave") {
          for (const { account, flow } of [plain, lending]) {
            account.settle();
            flow.leaving();
          }
        } else if (step === "flush") {
          const { buffered } = plain.account;
          for (const { account } of [plain, lending]) account.flush(buffered);
        } else if (step === "pong") {
          for (const { account, flow, pings } of [plain, lending]) {
            account.settle();
            const latest = pings.at(-1);
            if (latest) flow.pong(latest.slice());
          }
        } else if ("queue" in step) {
          queued += step.queue;
          for (const { account } of [plain, lending]) account.queue(step.queue);
        } else if (lending.account.loan >= step.send) {
          lending.account.loan -= step.send;
          expect(plain.account.room).toBeGreaterThan(0);
          plain.account.hand(step.send, 0);
        } else if (plain.account.socketRoom > 0) {
          const from = Math.min(queued, step.send);
          queued -= from;
          for (const { account } of [plain, lending]) account.hand(step.send, from);
          lending.account.lend(lent);
        }
      }
    });
    fc.assert(property, { numRuns: 2_000, includeErrorInReport: true });
  });

  test("takes its own mark for no limit of the path, and the window for one", () => {
    const flow = new FlowWindow(8_192, { ping: () => {}, opened: () => {} });
    const account = new Account(4_096, flow, { opened: () => {} });
    const filled = vi.spyOn(flow, "filled");
    account.hand(5_000, 0);
    expect(account.room).toBeLessThanOrEqual(0);
    account.flush(5_000);
    expect(filled).not.toHaveBeenCalled();
    account.hand(3_192, 0);
    expect(filled).toHaveBeenCalled();
  });

  test("cuts a fragment to what the window has room for, whatever its own mark, and not too small", () => {
    const { account } = makeAccount();
    expect(account.partOf(65_536)).toBe(8_192);
    account.hand(6_000, 0);
    expect(account.partOf(65_536)).toBe(2_192);
    expect(account.partOf(2_000)).toBe(2_000);
    account.hand(2_000, 0);
    expect(account.partOf(65_536)).toBe(1_024);
    const unbounded = new Account(MARK, undefined, { opened: () => {} });
    unbounded.hand(MARK - 1, 0);
    expect(unbounded.partOf(65_536)).toBe(65_536);
  });

  test("lets a batch go beyond the mark by as much again, and never beyond the window", () => {
    const host = { opened: () => {} };
    const account = new Account(MARK, undefined, host);
    expect(account.batchRoom).toBe(2 * MARK);
    account.hand(MARK - 1, 0);
    expect(account.batchRoom).toBe(MARK + 1);
    account.hand(1, 0);
    expect(account.batchRoom).toBeLessThanOrEqual(0);
    expect(new Account(1 << 20, undefined, host).batchRoom).toBe((1 << 20) + 65_536);
    expect(makeAccount().account.batchRoom).toBe(8_192);
  });
});
