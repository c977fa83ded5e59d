import { startFirefox } from "../../../firefox.ts";
import { residentBytes } from "../process-tree.ts";
import type { Tab } from "../tab.ts";

const SCRIPT = new URL("../page.js", import.meta.url);

export async function startFirefoxTab(): Promise<Tab> {
  const firefox = await startFirefox(SCRIPT);
  const { browser } = firefox;
  const broken = new Promise<never>((_, reject) => {
    browser.once("disconnected", () => reject(new Error("the browser is gone")));
  });
  broken.catch(() => {});
  try {
    const page = await browser.newPage();
    await page.goto(firefox.url);
    const id = browser.process()?.pid;
    return {
      name: (await browser.version()).replace("/", " "),
      broken,
      evaluate: async (expression) => page.evaluate(expression),
      setFrozen: undefined,
      residentBytes: async () => (id === undefined ? undefined : residentBytes(id)),
      heapBytes: undefined,
      close: async () => firefox.close(),
    };
  } catch (error) {
    await firefox.close();
    throw error;
  }
}
