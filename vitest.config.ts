import { defineConfig, type TestProjectInlineConfiguration } from "vitest/config";

const source = { conditions: ["@spillway/source"] };

/**
 * Projects of one group run side by side. What keeps real time on real sockets gets the machine to
 * itself: a starved server is not a slow viewer.
 */
const project = (name: string, root: string, alone?: number): TestProjectInlineConfiguration => ({
  resolve: source,
  ssr: { resolve: source },
  test: {
    name,
    root,
    include: ["src/**/*.test.ts", "test/**/*.test.ts"],
    ...(alone !== undefined && { maxWorkers: 1, sequence: { groupOrder: alone } }),
  },
});

const results = process.env["SPILLWAY_TEST_RESULTS"] ?? ".test-results/tests.json";

export default defineConfig({
  test: {
    reporters: process.env["CI"] ? ["default", ["json", { outputFile: results }]] : ["default"],
    projects: [
      project("streams", "packages/streams"),
      project("docs", "docs"),
      project("testing", "packages/testing", 1),
      project("websocket", "packages/websocket", 2),
      project("fastify", "packages/fastify", 3),
      project("demo", "apps/demo", 4),
    ],
  },
});
