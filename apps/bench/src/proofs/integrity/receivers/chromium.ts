import { once } from "node:events";
import { accessSync, constants } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { delimiter, join } from "node:path";
import type { Browser } from "playwright-core";
import { MissingPeer } from "../../../contender.ts";
import type { Checkpoint } from "../checkpoint.ts";
import type { ReceiverJob } from "../protocol.ts";
import type { StartReceiver } from "../receivers.ts";

/** What the scripts of the page are beside, and import. */
const SCRIPTS = new URL("../../", import.meta.url);
const PAGE = '<!doctype html><script type="module" src="/integrity/receivers/page.js"></script>';

export const startChromium: StartReceiver = async (job, onCheckpoint) => {
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
  const pages = createServer((request, response) => void servePage(request, response));
  pages.listen(0, "127.0.0.1");
  await once(pages, "listening");
  const received = receiveIn(browser, pages, job, onCheckpoint);
  received.catch(() => {});
  return {
    name: `chromium ${browser.version()}`,
    received,
    async close() {
      await browser.close();
      pages.close();
    },
  };
};

async function receiveIn(
  browser: Browser,
  pages: Server,
  job: ReceiverJob,
  onCheckpoint: (checkpoint: Checkpoint) => void,
): Promise<void> {
  const page = await browser.newPage();
  const broken = new Promise<never>((_, reject) => {
    page.once("pageerror", reject);
    page.once("crash", () => reject(new Error("the page crashed")));
  });
  await page.exposeFunction("tell", onCheckpoint);
  await page.goto(`http://127.0.0.1:${(pages.address() as AddressInfo).port}/`);
  const code = page.evaluate(`receive(${JSON.stringify(job)})`);
  if ((await Promise.race([code, broken])) === 1000) return;
  throw new Error(`the connection was closed with ${String(await code)}`);
}

/** For real, on this machine: only then does a page have digests, and may connect to the sender. */
async function servePage({ url = "" }: IncomingMessage, response: ServerResponse): Promise<void> {
  if (url === "/") {
    response.setHeader("Content-Type", "text/html").end(PAGE);
    return;
  }
  try {
    const script = await readFile(new URL(`.${url}`, SCRIPTS));
    response.setHeader("Content-Type", "text/javascript").end(script);
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
