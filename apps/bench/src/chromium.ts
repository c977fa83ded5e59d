import type { Browser } from "playwright-core";
import { MissingPeer } from "./contender.ts";
import { findChromium } from "./executable.ts";
import { servePage } from "./page-server.ts";

/** A browser, and a server of the page that it is to open. */
export interface Chromium {
  readonly browser: Browser;
  /** Where the page is. */
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Starts Chromium, and serves a page that consists of a script.
 *
 * @param script - URL of a module as `tsc` has left it; what it imports is served too
 * @throws {@link MissingPeer}
 */
export async function startChromium(script: URL): Promise<Chromium> {
  const executablePath = findChromium();
  if (executablePath === undefined) {
    throw new MissingPeer("Cannot find Chromium (Debian: apt-get install chromium)");
  }
  const { chromium } = await import("playwright-core").catch((error: Error) => {
    throw new MissingPeer(error.message.split("\n", 1)[0], { cause: error });
  });
  const browser = await chromium.launch({
    executablePath,
    args: [
      "--disable-gpu",
      "--disable-background-networking",
      "--disable-component-update",
      "--no-first-run",
      // Chromium refuses its sandbox to root, which is who runs a CI container.
      ...(process.getuid?.() === 0 ? ["--no-sandbox"] : []),
    ],
  });
  const page = await servePage(script);
  return {
    browser,
    url: page.url,
    async close() {
      await browser.close();
      page.close();
    },
  };
}
