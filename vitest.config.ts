import { join } from "node:path";
import { playwright } from "@vitest/browser-playwright";
import { defineConfig, type TestProjectInlineConfiguration } from "vitest/config";
import { findChromium } from "./apps/bench/src/executable.ts";

const chromium = findChromium();

const source = { conditions: ["@spillway/source"] };

/**
 * Projects of one group run side by side. What keeps real time on real sockets gets the machine to
 * itself: a starved server is not a slow viewer.
 */
const project = (
  name: string,
  root: string,
  alone?: number,
  globalSetup: string[] = [],
): TestProjectInlineConfiguration => ({
  resolve: source,
  ssr: { resolve: source },
  test: {
    name,
    root,
    globalSetup,
    include: ["src/**/*.test.ts", "test/**/*.test.ts"],
    // For tests that start it themselves.
    ...(chromium && { env: { CHROMIUM: chromium } }),
    ...(alone !== undefined && { maxWorkers: 1, sequence: { groupOrder: alone } }),
  },
});

/** Serve what the client's tests talk to: a server with credits, and the cases of the proposal. */
const clientServers = ["everywhere", "proposal"].map((folder) =>
  join(import.meta.dirname, "packages/client/test", folder, "global-setup.ts"),
);

const results = process.env["SPILLWAY_TEST_RESULTS"] ?? ".test-results/tests.json";

const chromiumFlags = [
  // A page gets it only when it is isolated; nothing that is tested here depends on that.
  "--enable-features=SharedArrayBuffer",
  // Chromium refuses its sandbox to root, which is who runs a CI container.
  ...(process.getuid?.() === 0 ? ["--no-sandbox"] : []),
];

/** The same tests in a real browser, but for those that need Node and say so in their name. */
const inBrowser = (
  executablePath: string,
  name: string,
  root: string,
  dependencies: string[],
  globalSetup: string[] = [],
): TestProjectInlineConfiguration => ({
  resolve: source,
  // Known before the first test: Vite reloads the page when it comes across a new one.
  optimizeDeps: { include: dependencies },
  test: {
    name: `${name}-browser`,
    root,
    globalSetup,
    include: ["src/**/*.test.ts", "test/**/*.test.ts"],
    exclude: ["**/*.node.test.ts"],
    browser: {
      enabled: true,
      headless: true,
      screenshotFailures: false,
      provider: playwright({ launchOptions: { executablePath, args: chromiumFlags } }),
      instances: [{ browser: "chromium" }],
    },
  },
});

/** The projects that run in a browser, if there is one. */
function browserProjects(): TestProjectInlineConfiguration[] {
  if (chromium) {
    const clock = "@sinonjs/fake-timers";
    const streams = ["fast-check", `@spillway/testing > ${clock}`];
    return [
      inBrowser(chromium, "streams", "packages/streams", streams),
      inBrowser(chromium, "testing", "packages/testing", [clock]),
      inBrowser(
        chromium,
        "client",
        "packages/client",
        ["fast-check", `@spillway/testing > ${clock}`],
        clientServers,
      ),
    ];
  }
  const notice = "Browser tests need Chromium (Debian: apt-get install chromium)";
  if (process.env["CI"]) throw new Error(notice);
  console.warn(`${notice}: skipped`);
  return [];
}

export default defineConfig({
  test: {
    reporters: process.env["CI"] ? ["default", ["json", { outputFile: results }]] : ["default"],
    projects: [
      project("streams", "packages/streams"),
      ...browserProjects(),
      project("docs", "docs"),
      project("testing", "packages/testing", 1),
      project("websocket", "packages/websocket", 2),
      project("fastify", "packages/fastify", 3),
      project("demo", "apps/demo", 4),
      project("bench", "apps/bench", 5),
      project("client", "packages/client", 6, clientServers),
    ],
  },
});
