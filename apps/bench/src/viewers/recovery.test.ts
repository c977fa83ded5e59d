import { expect, test } from "vitest";
import { Recovery } from "./recovery.ts";

test("Recovery counts until the first that is as young", () => {
  const recovery = new Recovery(25, 1_000);
  recovery.take(3_000, 1_020);
  expect(recovery.seen(1_100)).toEqual({ belowOneSecond: 0.1, belowTwiceBefore: 0.1 });
  recovery.take(999, 1_200);
  recovery.take(50, 1_400);
  expect(recovery.seen(1_500)).toEqual({ belowOneSecond: 0.2, belowTwiceBefore: 0.5 });
  recovery.take(49, 1_600);
  recovery.take(20, 1_700);
  expect(recovery.seen(2_000)).toEqual({ belowOneSecond: 0.2, belowTwiceBefore: 0.6 });
});
