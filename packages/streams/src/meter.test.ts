import { isSettled, settle } from "@spillway/testing";
import { describe, expect, test, vi } from "vitest";
import { endsOf, pipeAll, ways } from "../test/ends-of.ts";
import { meter } from "./meter.ts";

interface Reading {
  readonly at: number;
}

const timeOf = ({ at }: Reading): number => at;
const coded = (code: string): unknown => expect.objectContaining({ code });

describe("meter()", () => {
  test.each(ways)("passes chunks on as they are, and counts them (%s)", async (way) => {
    const stage = meter<unknown>();
    const chunks = ["abc", new Uint8Array(4), { no: "length" }];
    const received = await pipeAll(way, chunks, stage);
    expect(received).toEqual(chunks);
    expect(received[2]).toBe(chunks[2]);
    expect(stage.stats()).toMatchObject({ chunks: 3, bytes: 7, ageMs: undefined });
  });

  test("measures with size", async () => {
    const stage = meter<number>({ size: (chunk) => chunk * 2 });
    await pipeAll("direct", [1, 2, 3], stage);
    expect(stage.stats().bytes).toBe(12);
  });

  test("counts what passes, not what waits", async () => {
    const stage = meter<string>();
    const pair = endsOf(stage);
    expect(await isSettled(pair.write("a"))).toBe(false);
    expect(stage.stats().chunks).toBe(0);
    await pair.read();
    expect(stage.stats().chunks).toBe(1);
  });

  describe("rates", () => {
    test("look back as far as the window", async () => {
      let time = 0;
      const stage = meter<string>({ windowMs: 1000, now: () => time });
      const pair = endsOf(stage);
      for (; time < 3000; time += 10) {
        const read = pair.read();
        await pair.write("abcd");
        await read;
      }
      const { chunksPerSecond, bytesPerSecond } = stage.stats();
      expect(chunksPerSecond).toBeCloseTo(100, 6);
      expect(bytesPerSecond).toBeCloseTo(400, 6);
      time = 3450;
      // Half of the window was silent.
      expect(stage.stats().chunksPerSecond).toBeGreaterThan(45);
      expect(stage.stats().chunksPerSecond).toBeLessThan(60);
      time = 4000;
      expect(stage.stats().chunksPerSecond).toBe(0);
      time = 1e15;
      expect(stage.stats()).toMatchObject({ chunksPerSecond: 0, chunks: 300 });
    });

    test("are not anything at the start", async () => {
      const stage = meter<number>({ windowMs: 1000, now: () => 0 });
      expect(stage.stats().chunksPerSecond).toBe(0);
      await pipeAll("direct", [1, 2], stage);
      expect(stage.stats().chunksPerSecond).toBe(20);
    });

    test("survive a clock that is set back, or stands still", async () => {
      let time = 10_000;
      const stage = meter<number>({ windowMs: 1000, now: () => time });
      const pair = endsOf(stage);
      for (const moment of [10_000, 10_450, 9000, 9000, 10_500]) {
        time = moment;
        const read = pair.read();
        await pair.write(1);
        await read;
      }
      expect(stage.stats().chunksPerSecond).toBeCloseTo(10, 6);
    });
  });

  describe("ages", () => {
    async function agesOf(ages: readonly number[]): Promise<{ p50: number; p99: number }> {
      const stage = meter<Reading>({ timeOf, now: () => 1e9 });
      await pipeAll(
        "direct",
        ages.map((age) => ({ at: 1e9 - age })),
        stage,
      );
      return stage.stats().ageMs as { p50: number; p99: number };
    }

    test.each([0.5, 1, 3, 17, 250, 4000, 3_600_000])("are near %d", async (age) => {
      const { p50, p99 } = await agesOf([age]);
      expect(Math.abs(p50 - age)).toBeLessThanOrEqual(age * 0.05 + 0.05);
      expect(p99).toBe(p50);
    });

    test("are told by quantile", async () => {
      const ages = Array.from({ length: 1000 }, (_, index) => (index < 985 ? 10 : 500));
      const { p50, p99 } = await agesOf(ages);
      expect(p50).toBeGreaterThan(9.4);
      expect(p50).toBeLessThan(10.6);
      expect(p99).toBeGreaterThan(475);
      expect(p99).toBeLessThan(525);
    });

    test("are none for what comes from the future, and bounded for what is ancient", async () => {
      expect((await agesOf([-1000])).p50).toBeLessThan(0.1);
      const { p50 } = await agesOf([1e12]);
      expect(p50).toBeGreaterThan(4 * 3_600_000);
      expect(p50).toBeLessThan(5 * 3_600_000);
    });

    test("are forgotten with the window", async () => {
      let time = 1000;
      const stage = meter<Reading>({ windowMs: 1000, timeOf, now: () => time });
      const pair = endsOf(stage);
      for (const at of [0, 1900]) {
        time = at + 1000;
        const read = pair.read();
        await pair.write({ at });
        await read;
      }
      time = 2950;
      expect(stage.stats().ageMs?.p50).toBeGreaterThan(900);
      time = 3950;
      expect(stage.stats().ageMs).toBeUndefined();
    });

    test("are taken from the time of day", async () => {
      const stage = meter<Reading>({ timeOf });
      await pipeAll("direct", [{ at: Date.now() - 60_000 }], stage);
      const { p50 } = stage.stats().ageMs as { p50: number };
      expect(p50).toBeGreaterThan(57_000);
      expect(p50).toBeLessThan(66_000);
    });
  });

  test("reads the clock once for all that passes at a stretch", async () => {
    const now = vi.fn(() => 0);
    const stage = meter<number>({ now, timeOf: () => 0 });
    await pipeAll(
      "direct",
      Array.from({ length: 1000 }, () => 1),
      stage,
    );
    expect(stage.stats().chunks).toBe(1000);
    expect(now.mock.calls.length).toBeLessThan(20);
  });

  test("reads the clock anew for what passes later", async () => {
    let time = 0;
    const stage = meter<Reading>({ timeOf, now: () => time });
    const pair = endsOf(stage);
    for (time of [100, 900]) {
      const read = pair.read();
      await pair.write({ at: 0 });
      await read;
      await settle();
    }
    const { p50, p99 } = stage.stats().ageMs as { p50: number; p99: number };
    expect(p50).toBeLessThan(110);
    expect(p99).toBeGreaterThan(850);
  });

  test.each([
    ["size", { size: (): number => Number.NaN }],
    ["timeOf", { timeOf: (): number => Number.NaN }],
  ])("errors both sides when %s gives no number", async (_, options) => {
    const stage = meter<string>(options);
    const pair = endsOf(stage);
    const read = pair.read();
    await expect(pair.write("a")).rejects.toEqual(coded("SPW_ERR_CHUNK"));
    await expect(read).rejects.toEqual(coded("SPW_ERR_CHUNK"));
    expect(stage.stats().chunks).toBe(0);
  });

  test.each([[{ windowMs: 0 }], [{ size: 1 }], [{ timeOf: 1 }], [{ now: 1 }]])(
    "refuses %o",
    (options) => {
      expect(() => meter(options as never)).toThrow(coded("SPW_ERR_OPTION"));
    },
  );
});
