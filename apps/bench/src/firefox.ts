import type { Browser } from "puppeteer-core";
import { MissingPeer } from "./contender.ts";
import { findExecutable } from "./executable.ts";
import { servePage } from "./page-server.ts";

/** A browser, and a server of the page that it is to open. */
export interface Firefox {
  readonly browser: Browser;
  /** Where the page is. */
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Starts Firefox, which is driven by WebDriver BiDi, and serves a page that consists of a script.
 *
 * @param script - URL of a module as `tsc` has left it; what it imports is served too
 * @throws {@link MissingPeer}
 */
export async function startFirefox(script: URL): Promise<Firefox> {
  const executablePath = findExecutable("FIREFOX", ["firefox-esr", "firefox"]);
  if (executablePath === undefined) {
    throw new MissingPeer("Cannot find Firefox (Debian: apt-get install firefox-esr)");
  }
  const puppeteer = await import("puppeteer-core").catch((error: Error) => {
    throw new MissingPeer(error.message.split("\n", 1)[0], { cause: error });
  });
  const browser = await puppeteer.launch({ browser: "firefox", executablePath });
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
