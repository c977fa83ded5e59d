import { waitFor } from "@spillway/testing";
import { openBackgroundPage } from "@spillway/testing/node";
import type { FastifyInstance } from "fastify";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buildApp } from "../src/app.ts";
import type { ConnectionView } from "../src/flow-snapshot.ts";
import { openVideo } from "../src/video-source.ts";

// The configuration of the tests finds it, and says so if there is none.
const executablePath = process.env["CHROMIUM"];

/** Pictures a second that show that the video moves; how many more there are is a matter of the machine. */
const MOVING_FPS = 10;
/** Mark, one fragment and the largest message of the clip. */
const HELD_BYTES = 65_536 + 65_536 + 80_000;

const today = (): string => new Date().toISOString().slice(0, 10);

describe.skipIf(!executablePath)("the page in Chromium", () => {
  let app: FastifyInstance;
  let browser: Browser;
  let http: string;

  beforeAll(async () => {
    const stopped = new AbortController();
    app = await buildApp({ video: await openVideo(undefined, { signal: stopped.signal }) });
    app.addHook("onClose", async () => stopped.abort());
    http = await app.listen({ host: "127.0.0.1", port: 0 });
    browser = await chromium.launch({
      executablePath: executablePath as string,
      args: [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
      ],
    });
  }, 60_000);

  afterAll(async () => {
    await browser?.close();
    await app?.close();
  });

  async function open(): Promise<{ page: Page; errors: string[] }> {
    const context = await browser.newContext({ viewport: { width: 1280, height: 1500 } });
    const page = await context.newPage();
    const errors: string[] = [];
    page.on("pageerror", (error) => errors.push(error.message));
    await page.goto(http);
    await shows(page, "#video [data-field=fps]", (fps) => Number(fps) >= MOVING_FPS);
    return { page, errors };
  }

  const text = (page: Page, selector: string): Promise<string> =>
    page.locator(selector).innerText();

  async function shows(
    page: Page,
    selector: string,
    wanted: (shown: string) => boolean,
    timeoutMs = 15_000,
  ): Promise<void> {
    await waitFor(async () => wanted(await text(page, selector)), {
      timeoutMs,
      message: `${selector} to show what is wanted`,
    });
  }

  /** The video's pixels, coarsely: 16 × 9 averages. */
  const pixels = (page: Page): Promise<number[]> =>
    page.evaluate(() => {
      const small = new OffscreenCanvas(16, 9);
      const context = small.getContext("2d") as OffscreenCanvasRenderingContext2D;
      context.drawImage(document.querySelector("#video canvas") as HTMLCanvasElement, 0, 0, 16, 9);
      return [...context.getImageData(0, 0, 16, 9).data];
    });

  async function connection(route: string, not?: string): Promise<ConnectionView | undefined> {
    const response = await fetch(`${http}/api/connections`);
    const all = (await response.json()) as ConnectionView[];
    return all.findLast((view) => view.route === route && view.id !== not);
  }

  test("shows moving video, live charts and the flow panel", { timeout: 60_000 }, async () => {
    const { page, errors } = await open();
    const before = await pixels(page);
    const clock = await text(page, "#video [data-field=clock]");
    const picture = Number(await text(page, "#video [data-field=sequence]"));
    expect(new Set(before).size).toBeGreaterThan(10);
    await shows(page, "#video [data-field=sequence]", (now) => Number(now) > picture + 30);
    expect(await pixels(page)).not.toEqual(before);
    expect((await text(page, "#video [data-field=clock]")) > clock).toBe(true);
    await shows(page, "#video [data-field=age]", (age) => Number(age) < 1_000);

    await shows(page, "#readings", (rate) => Number(rate) > 150 && Number(rate) < 250);
    const chart = page.locator("#charts canvas").first();
    const drawn = await chart.evaluate((canvas) => (canvas as HTMLCanvasElement).toDataURL());
    await waitFor(
      async () =>
        (await chart.evaluate((canvas) => (canvas as HTMLCanvasElement).toDataURL())) !== drawn,
      { message: "the chart to move" },
    );
    await shows(page, "#flow tbody", (table) => table.includes("/streams/live (this viewer)"));
    expect(errors).toEqual([]);
    await page.context().close();
  });

  test(
    "a page frozen for 20 s costs the server its bound, and wakes to a fresh picture",
    {
      timeout: 120_000,
    },
    async () => {
      const watching = await open();
      const first = await connection("/streams/live");
      const sleeper = await openBackgroundPage(browser, http);
      const shown = async (field: string): Promise<string> =>
        String(
          await sleeper.evaluate(
            `document.querySelector("#video [data-field=${field}]")?.innerText`,
          ),
        );
      await waitFor(async () => Number(await shown("fps")) >= MOVING_FPS, {
        timeoutMs: 15_000,
        message: "a second viewer",
      });
      await sleeper.evaluate("document.addEventListener('freeze', () => { window.slept = true; })");
      const asleep = await connection("/streams/live", first?.id);
      const find = async (): Promise<ConnectionView | undefined> => {
        const response = await fetch(`${http}/api/connections`);
        return ((await response.json()) as ConnectionView[]).find(({ id }) => id === asleep?.id);
      };

      await sleeper.freeze();
      const frozenAt = performance.now();
      const rates: number[] = [];
      let held = 0;
      let inFlight = 0;
      await waitFor(
        async () => {
          rates.push(Number(await text(watching.page, "#video [data-field=fps]")));
          const view = await find();
          held = Math.max(held, (view?.queuedBytes ?? 0) + (view?.bufferedBytes ?? 0));
          inFlight = Math.max(inFlight, view?.inFlightBytes ?? 0);
          return performance.now() - frozenAt > 20_000;
        },
        { timeoutMs: 30_000, message: "20 s of sleep" },
      );
      const view = await find();
      expect(view?.stalledForMs).toBeGreaterThan(5_000);
      expect(view?.droppedMessages).toBeGreaterThan(300);
      expect(held).toBeLessThanOrEqual(HELD_BYTES);
      // The window of a path that has taken all there was, for each of three lanes, and a message.
      expect(inFlight).toBeLessThanOrEqual(3 * 131_072 + 80_000);
      expect(view?.acknowledgedBy).toBe("credit");
      expect(view?.state).toBe("frozen");
      rates.sort((a, b) => a - b);
      expect(rates.length).toBeGreaterThan(10);
      expect(rates[Math.floor(rates.length / 2)]).toBeGreaterThanOrEqual(MOVING_FPS);
      await shows(watching.page, "#video [data-field=age]", (age) => Number(age) < 1_000);

      await sleeper.wake();
      const wokenAt = Date.now();
      // Shown and published after waking: not a picture of before.
      await waitFor(async () => Date.parse(`${today()}T${await shown("clock")}Z`) > wokenAt, {
        timeoutMs: 10_000,
        message: "a fresh picture",
      });
      expect(Date.now() - wokenAt).toBeLessThan(2_000);
      expect(await sleeper.evaluate("window.slept")).toBe(true);
      await waitFor(async () => Number(await shown("age")) < 1_000, { message: "its age" });
      expect((await connection("/streams/live", first?.id))?.id).not.toBe(asleep?.id);
      await waitFor(async () => Number(await shown("fps")) >= MOVING_FPS, {
        timeoutMs: 15_000,
        message: "moving video",
      });
      await sleeper.close();
      await watching.page.context().close();
    },
  );

  test(
    "shows how old another viewer's picture is, also in its sleep",
    { timeout: 60_000 },
    async () => {
      const watching = await open();
      const first = await connection("/streams/live");
      const sleeper = await openBackgroundPage(browser, http);
      const other = async (): Promise<ConnectionView | undefined> =>
        connection("/streams/live", first?.id);
      await waitFor(async () => ((await other())?.ageMs ?? Infinity) < 1_000, {
        timeoutMs: 15_000,
        message: "a second viewer that tells its age",
      });
      const asleep = await other();
      const row = watching.page.locator("#flow tbody tr", {
        hasText: `${asleep?.id} /streams/live`,
      });
      const age = async (): Promise<number> =>
        Number.parseFloat(await row.locator("td").last().innerText());
      await waitFor(async () => (await age()) < 1, { message: "its age in the panel" });

      await sleeper.freeze();
      await waitFor(async () => (await age()) > 4, {
        timeoutMs: 15_000,
        message: "its age to grow",
      });
      await waitFor(async () => ((await other())?.silentForMs ?? 0) > 2_000, {
        message: "silence",
      });
      const own = watching.page.locator("#flow tr.mine td").last();
      await waitFor(async () => Number.parseFloat(await own.innerText()) < 1, {
        message: "this page's own age beside it",
      });

      await sleeper.wake();
      await waitFor(async () => ((await other())?.ageMs ?? Infinity) < 1_000, {
        timeoutMs: 15_000,
        message: "a fresh picture",
      });
      await sleeper.close();
      await watching.page.context().close();
    },
  );

  test("a slow viewer goes down in quality, and up again", { timeout: 120_000 }, async () => {
    const { page } = await open();
    const layer = "#video [data-field=layer]";
    await shows(page, layer, (shown) => shown === "2", 40_000);
    await shows(page, "#flow tbody", (table) => /\(this viewer\)\s+\w+\s+2\s/u.test(table));
    await page.selectOption("#rate", "1000000");
    await page.click("#slow");
    await shows(page, layer, (shown) => shown === "0" || shown === "1", 40_000);
    await page.click("#wake");
    await shows(page, layer, (shown) => shown === "2", 60_000);
    await page.context().close();
  });

  test("Freeze stops the video alone, Wake shows the present", { timeout: 60_000 }, async () => {
    const { page } = await open();
    const before = (await connection("/streams/live"))?.droppedMessages ?? 0;
    await page.click("#freeze");
    // The lane is, its connection is not.
    const isFrozen = async (): Promise<boolean> => {
      const view = await connection("/streams/live");
      const video = view?.lanes.find(({ name }) => name === "video");
      const dropped = (view?.droppedMessages ?? 0) - before;
      return video?.state === "frozen" && view?.state !== "frozen" && dropped > 60;
    };
    await waitFor(isFrozen, { timeoutMs: 20_000, message: "a frozen lane, and drops" });
    await shows(page, "#readings", (rate) => Number(rate) > 150 && Number(rate) < 250);
    expect(await text(page, "#video [data-field=state]")).toBe("frozen");
    await shows(page, "#video [data-field=age]", (age) => Number(age) > 1_000);
    await page.click("#wake");
    await shows(page, "#video [data-field=fps]", (fps) => Number(fps) >= MOVING_FPS);
    await shows(page, "#video [data-field=age]", (age) => Number(age) < 1_000);
    expect(Number(await text(page, "#video [data-field=gaps]"))).toBeGreaterThan(30);
    await page.context().close();
  });

  test("Slow makes it congested, the comparison plays beside it", { timeout: 60_000 }, async () => {
    const { page } = await open();
    await page.check("#compare");
    await shows(page, "#plain [data-field=fps]", (fps) => Number(fps) >= MOVING_FPS);
    await page.selectOption("#rate", "250000");
    await page.click("#slow");
    const video = async (): Promise<string | undefined> => {
      const { lanes = [] } = (await connection("/streams/live")) ?? {};
      return lanes.find(({ name }) => name === "video")?.state;
    };
    await waitFor(async () => (await video()) === "congested", {
      timeoutMs: 20_000,
      message: "congestion",
    });
    await page.uncheck("#compare");
    await waitFor(async () => (await connection("/streams/plain")) === undefined, {
      message: "the comparison's end",
    });
    await page.context().close();
  });
});
