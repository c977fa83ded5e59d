import { describe, expect, inject, test } from "vitest";
import type { Subject } from "./case.ts";
import { cases } from "./cases.ts";
import { differenceOf, differences, type Where } from "./differences.ts";
import { disagreement } from "./disagreement.ts";
import { oursWith } from "./ours.ts";
import { platform, type Platform } from "./platform.ts";
import { runCase } from "./run-case.ts";

const { where, WebSocket, native }: Platform = await platform();
const own = WebSocket === undefined ? {} : { WebSocket };
const url = inject("proposalServer");

const subjects: { title: string; where: Where; subject: Subject }[] = [
  { title: "ours", where, subject: oursWith(url, own) },
  { title: "ours without credits", where, subject: oursWith(url, { ...own, credits: "off" }) },
  ...(native
    ? [{ title: "the platform's", where: "native" as const, subject: { ...native, url } }]
    : []),
];

test("each case has a name of its own, and each difference has a case", () => {
  const names = cases.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  for (const begin of differences.flatMap((difference) => difference.cases)) {
    expect(
      names.some((name) => name.startsWith(begin)),
      begin,
    ).toBe(true);
  }
});

describe.each(subjects)("WebSocketStream, $title", ({ where: at, subject }) => {
  for (const one of cases) {
    const { name } = one;
    const known = differenceOf(at, name);
    const title = known ? `${name} (known difference: ${known.why})` : name;
    test.skipIf(known?.isFatal)(title, { timeout: 20_000 }, async () => {
      const wrong = await runCase(one, subject);
      expect(disagreement({ where: at, name, ...(wrong !== undefined && { wrong }) })).toBe(
        undefined,
      );
    });
  }
});
