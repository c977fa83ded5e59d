import { once } from "node:events";
import { accessSync, constants } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { delimiter, join } from "node:path";
import type { Browser } from "playwright-core";
import { MissingPeer } from "./contender.ts";

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
  const pages = createServer((request, response) => void servePage(script, request, response));
  pages.listen(0, "127.0.0.1");
  await once(pages, "listening");
  return {
    browser,
    // For real, on this machine: only then does a page have digests, and may connect to a server of ours.
    url: `http://127.0.0.1:${(pages.address() as AddressInfo).port}/`,
    async close() {
      await browser.close();
      pages.close();
    },
  };
}

/** What the scripts of pages are below, and import. */
const SCRIPTS = new URL(".", import.meta.url);

async function servePage(
  script: URL,
  { url = "" }: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (url === "/") {
    const path = script.pathname.slice(SCRIPTS.pathname.length);
    const page = `<!doctype html><script type="module" src="/${path}"></script>`;
    response.setHeader("Content-Type", "text/html").end(page);
    return;
  }
  try {
    const module = await readFile(new URL(`.${url}`, SCRIPTS));
    response.setHeader("Content-Type", "text/javascript").end(module);
  } catch {
    response.writeHead(404).end();
  }
}

/** The one that `CHROMIUM` names, or the first in the path. */
function findChromium(): string | undefined {
  const names = ["chromium", "chromium-browser", "google-chrome"];
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  const paths = folders.flatMap((folder) => names.map((name) => join(folder, name)));
  const named = process.env["CHROMIUM"];
  return (named ? [named] : paths).find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
