import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type Browser, chromium } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openBackgroundPage } from "./background-page.ts";
import { waitFor } from "./wait-for.ts";

const executablePath = process.env["CHROMIUM"];

const PAGE = `<!doctype html><title>counts</title><script>
  let count = 0;
  setInterval(() => { count++; }, 20);
  document.addEventListener("freeze", () => tell("freeze"));
  document.addEventListener("resume", () => tell("resume"));
</script>`;

describe.skipIf(!executablePath)("openBackgroundPage()", { timeout: 30_000 }, () => {
  const server = createServer((_request, response) => {
    response.setHeader("Content-Type", "text/html").end(PAGE);
  });
  let url: string;
  let browser: Browser;

  beforeAll(async () => {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    browser = await start();
  }, 30_000);

  afterAll(async () => {
    await browser?.close();
    server.close();
    server.closeAllConnections();
  });

  const start = async (): Promise<Browser> =>
    chromium.launch({
      executablePath: executablePath as string,
      args: ["--no-sandbox", "--disable-gpu", "--no-first-run"],
    });

  test("puts a page to sleep, in which nothing runs, and wakes it", async () => {
    const told: string[] = [];
    const page = await openBackgroundPage(browser, url, { onTold: (text) => told.push(text) });
    expect(await page.evaluate("document.title")).toBe("counts");
    await waitFor(async () => Number(await page.evaluate("count")) > 5, { message: "the page" });
    await page.evaluate("document.addEventListener('freeze', () => { before = count; }); 0");
    await page.evaluate("document.addEventListener('resume', () => { after = count; }); 0");
    await page.freeze();
    await new Promise((resolve) => setTimeout(resolve, 400));
    await page.wake();
    await waitFor(() => told.length === 2, { message: "both events" });
    expect(told).toEqual(["freeze", "resume"]);
    expect(Number(await page.evaluate("after - before"))).toBeLessThan(3);
    expect(await page.heapBytes()).toBeGreaterThan(100_000);
    await page.close();
  });

  test("says what a page throws, and what cannot be opened", async () => {
    const page = await openBackgroundPage(browser, url);
    await expect(page.evaluate("nothing.there")).rejects.toThrow(/nothing is not defined/u);
    await page.close();
    const opening = openBackgroundPage(browser, "http://127.0.0.1:1/");
    await expect(opening).rejects.toThrow(/127\.0\.0\.1:1.*ERR_/u);
  });

  test.each(["page", "browser"])("leaves nothing pending when the %s is gone", async (what) => {
    const own = await start();
    const page = await openBackgroundPage(own, url);
    const asked = page.evaluate("new Promise(() => {})");
    asked.catch(() => {});
    await page.evaluate("0");
    await (what === "page" ? page.close() : own.close());
    await expect(asked).rejects.toThrow(/closed|gone/u);
    await expect(page.evaluate("0")).rejects.toThrow(/closed|gone/u);
    await own.close();
  });
});
