import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { waitFor } from "@spillway/testing";
import { openBackgroundPage } from "@spillway/testing/node";
import { type Browser, chromium } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { blocksOf, filesOf, root } from "./blocks.ts";

const GUIDE = "docs/guides/browser.md";
const home = join(root, "docs/.guide");
const blocks = blocksOf(GUIDE);
const commands = blocks.filter(({ language }) => language === "sh");
const [setup = "", run = ""] = commands.map(({ code }) => code);
const [build = "", start = ""] = run.trim().split("\n");

/** Milliseconds of sleep: more than anything that is sent may be old. */
const ASLEEP_MS = 8_000;
/** Milliseconds that what is shown may be old. */
const FRESH_MS = 1_000;
/** What Chromium shows to who has no camera, and asks nobody for. */
const CAMERA = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"];

/** Makes the folder that a reader of the guide has: its files, and the packages that it says to install. */
function makeProject(): void {
  rmSync(home, { recursive: true, force: true });
  const files = filesOf(blocks);
  files.set("package.json", JSON.stringify({ type: "module" }));
  for (const [file, code] of files) {
    mkdirSync(dirname(join(home, file)), { recursive: true });
    writeFileSync(join(home, file), code);
  }
  for (const [, names = ""] of setup.matchAll(/^npm install(?: --save-dev)? ([^#\n]*)/gmu)) {
    for (const name of names.trim().split(/\s+/u)) link(name);
  }
}

/** What `npm install` would put there; from the registry come only those that are not built here. */
function link(name: string): void {
  const places = ["docs", "."].map((folder) => join(root, folder, "node_modules", name));
  const found = places.find((place) => existsSync(place));
  if (!found) throw new Error(`The guide installs ${name}, which the docs do not`);
  const at = join(home, "node_modules", name);
  mkdirSync(dirname(at), { recursive: true });
  symlinkSync(found, at);
}

/** Runs a command of the guide as a shell would: `npx` finds what was installed. */
const split = (command: string): [file: string, ...args: string[]] => {
  const [npx, name = "", ...args] = command.split(" ");
  expect(npx).toBe("npx");
  return [join(root, "docs/node_modules/.bin", name), ...args];
};

async function startServer(port: number): Promise<{ child: ChildProcess; http: string }> {
  const [file, ...args] = split(start);
  const child = spawn(file, args, {
    cwd: home,
    env: { ...process.env, PORT: String(port) },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(child, "exit").then(([code]: (number | null)[]) => {
    throw new Error(`The server of the guide ended with ${code}`);
  });
  ended.catch(() => {});
  const line = once(createInterface(child.stdout), "line") as Promise<[string]>;
  const [http] = await Promise.race([line, ended]);
  return { child, http };
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill();
  await exited;
}

/** Stops all of a browser, as some lids do: nobody is told before or after. */
async function stopFor(browser: Browser, ms: number): Promise<void> {
  const devtools = await browser.newBrowserCDPSession();
  const { processInfo } = await devtools.send("SystemInfo.getProcessInfo");
  try {
    for (const { id } of processInfo) process.kill(id, "SIGSTOP");
    await sleep(ms);
  } finally {
    for (const { id } of processInfo) process.kill(id, "SIGCONT");
  }
}

describe.skipIf(!process.env["CHROMIUM"])("the guide to a page that stays alive", () => {
  let browser: Browser;
  let server: { child: ChildProcess; http: string };

  beforeAll(async () => {
    makeProject();
    const [file, ...args] = split(build);
    execFileSync(file, args, { cwd: home, stdio: "pipe" });
    server = await startServer(0);
    browser = await chromium.launch({
      executablePath: process.env["CHROMIUM"] as string,
      args: ["--no-sandbox", "--disable-gpu", "--no-first-run", ...CAMERA],
    });
  }, 60_000);

  afterAll(async () => {
    await browser?.close();
    if (server) await stop(server.child);
    rmSync(home, { recursive: true, force: true });
  });

  test("every block of it is run", () => {
    const others = blocks.filter((block) => block.file === undefined && !commands.includes(block));
    expect(others).toEqual([]);
    expect(commands).toHaveLength(2);
    expect([...filesOf(blocks).keys()].toSorted()).toEqual([
      "camera.ts",
      "page.ts",
      "public/camera.html",
      "public/index.html",
      "readings.ts",
      "server.ts",
      "video.ts",
    ]);
  });

  test(
    "it shows video and telemetry, sleeps, and outlives its server",
    { timeout: 90_000 },
    async () => {
      const camera = await browser.newPage();
      const errors: string[] = [];
      camera.on("pageerror", (error) => errors.push(error.message));
      await camera.goto(`${server.http}/camera.html`);

      const page = await openBackgroundPage(browser, server.http);
      const shown = async (selector: string): Promise<string> =>
        String(
          await page.evaluate(`document.querySelector(${JSON.stringify(selector)}).textContent`),
        );
      const picture = async (): Promise<unknown> =>
        page.evaluate("document.querySelector('canvas').toDataURL()");
      const moves = async (): Promise<void> => {
        const before = await picture();
        await waitFor(async () => (await picture()) !== before, {
          timeoutMs: 15_000,
          message: "the next picture",
        });
      };
      // All that the table has shown: when, and how old it was.
      await page.evaluate(`
        window.seen = [];
        new MutationObserver(() => {
          const behind = Number(document.querySelector("[data-sensor=clock]").textContent);
          window.seen.push([Date.now(), behind]);
        }).observe(document.querySelector("table"), { childList: true, subtree: true });
      `);
      const seenSince = async (ms: number): Promise<number[]> => {
        const seen = (await page.evaluate("window.seen")) as [atMs: number, behindMs: number][];
        return seen.filter(([atMs]) => atMs > ms).map(([, behindMs]) => behindMs);
      };
      const becomesFresh = async (message: string, sinceMs: number): Promise<void> => {
        const isFresh = async (): Promise<boolean> =>
          (await seenSince(sinceMs)).some((behindMs) => behindMs < FRESH_MS);
        await waitFor(isFresh, { timeoutMs: 10_000, message });
      };
      await page.evaluate("addEventListener('unhandledrejection', () => { window.broken = true })");
      await moves();
      await moves();
      await becomesFresh("telemetry", 0);
      expect(await shown("#state")).toBe("open");
      await waitFor(async () => Number(await shown("[data-sensor=memory]")) > 1, {
        message: "what the server measures",
      });
      await waitFor(async () => (await shown("[data-sensor=connections]")) === "2", {
        message: "the camera and this page",
      });

      await page.freeze();
      await sleep(ASLEEP_MS);
      const wokenMs = Date.now();
      await page.wake();
      await becomesFresh("telemetry of after the sleep", wokenMs);
      await moves();
      await moves();
      expect(await shown("#state")).toBe("open");
      // Nothing that had waited.
      expect(Math.max(...(await seenSince(wokenMs)))).toBeLessThan(ASLEEP_MS / 2);

      await stopFor(browser, ASLEEP_MS);
      const continuedMs = Date.now();
      await becomesFresh("telemetry of after the stop", continuedMs);
      await moves();
      expect(await shown("#state")).toBe("open");

      await stop(server.child);
      await waitFor(async () => (await shown("#state")) !== "open", { message: "the loss" });
      await waitFor(async () => /trying again within \d+ s/u.test(await shown("#state")), {
        timeoutMs: 10_000,
        message: "what the user is told",
      });
      const restartedMs = Date.now();
      server = await startServer(Number(new URL(server.http).port));
      await page.evaluate("document.querySelector('#now').click()");
      await waitFor(async () => (await shown("#state")) === "open", {
        timeoutMs: 15_000,
        message: "the next connection",
      });
      await moves();
      await moves();
      await becomesFresh("telemetry of the next server", restartedMs);
      expect(await page.evaluate("window.broken")).toBe(undefined);
      expect(errors).toEqual([]);
      await page.close();
    },
  );
});
