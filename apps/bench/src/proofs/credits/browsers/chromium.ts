import { openBackgroundPage } from "@spillway/testing/node";
import { startChromium } from "../../../chromium.ts";
import { residentBytes } from "../process-tree.ts";
import type { Tab } from "../tab.ts";

const SCRIPT = new URL("../page.js", import.meta.url);

export async function startChromiumTab(): Promise<Tab> {
  const chromium = await startChromium(SCRIPT);
  const { browser } = chromium;
  const broken = new Promise<never>((_, reject) => {
    browser.once("disconnected", () => reject(new Error("the browser is gone")));
  });
  broken.catch(() => {});
  try {
    const devtools = await browser.newBrowserCDPSession();
    const { processInfo } = await devtools.send("SystemInfo.getProcessInfo");
    const main = processInfo.find(({ type }) => type === "browser");
    const page = await openBackgroundPage(browser, chromium.url);
    return {
      name: `chromium ${browser.version()}`,
      broken,
      evaluate: async (expression) => page.evaluate(expression),
      setFrozen: async (isFrozen) => (isFrozen ? page.freeze() : page.wake()),
      residentBytes: async () => main && residentBytes(main.id),
      heapBytes: async () => page.heapBytes(),
      close: async () => chromium.close(),
    };
  } catch (error) {
    await chromium.close();
    throw error;
  }
}
