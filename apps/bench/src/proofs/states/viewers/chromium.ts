import { setTimeout as sleep } from "node:timers/promises";
import { type BackgroundPage, openBackgroundPage } from "@spillway/testing/node";
import { startChromium } from "../../../chromium.ts";
import { now } from "../../../clients/protocol.ts";
import type { Showing, Span } from "../protocol.ts";
import type { Trouble, Viewer, ViewerJob } from "../viewers.ts";

const SCRIPT = new URL("page.js", import.meta.url);
/** For each picture; there are 33 ms from one to the next. */
const SLOW_MS = 50;

/**
 * Starts a page that looks, with the client of the browser or with ours.
 *
 * @throws `MissingPeer`
 */
export async function startChromiumViewer(
  { url, onShowing }: ViewerJob,
  acknowledgedBy: "ping" | "credit",
): Promise<Viewer> {
  const chromium = await startChromium(SCRIPT);
  const { browser } = chromium;
  const broken = new Promise<never>((_, reject) => {
    browser.once("disconnected", () => reject(new Error("the browser is gone")));
  });
  broken.catch(() => {});
  try {
    const page = await openBackgroundPage(browser, chromium.url, {
      onTold: (text) => onShowing(JSON.parse(text) as Showing),
    });
    const look = acknowledgedBy === "credit" ? "viewWithCredits" : "view";
    await page.evaluate(`${look}(${JSON.stringify(url)})`);
    return {
      name: `chromium ${browser.version()}${acknowledgedBy === "credit" ? " with credits" : ""}`,
      broken,
      trouble: async (what, ms) => trouble(page, what, ms),
      close: async () => chromium.close(),
    };
  } catch (error) {
    await chromium.close();
    throw error;
  }
}

async function trouble(page: BackgroundPage, what: Trouble, ms: number): Promise<Span> {
  switch (what) {
    case "blocked":
      return (await page.evaluate(`block(${ms})`)) as Span;
    case "frozen": {
      const fromMs = now();
      await page.freeze();
      await sleep(ms);
      const untilMs = now();
      await page.wake();
      return { fromMs, untilMs };
    }
    case "slowed": {
      const fromMs = (await page.evaluate(`slow(${SLOW_MS})`)) as number;
      await sleep(ms);
      const untilMs = (await page.evaluate("slow(0)")) as number;
      return { fromMs, untilMs };
    }
    default:
      throw new Error(`Cannot have a page ${what}`);
  }
}
