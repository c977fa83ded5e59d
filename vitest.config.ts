import { defineConfig, type TestProjectInlineConfiguration } from "vitest/config";

const source = { conditions: ["@spillway/source"] };

const project = (name: string, root: string): TestProjectInlineConfiguration => ({
  resolve: source,
  ssr: { resolve: source },
  test: { name, root, include: ["src/**/*.test.ts", "test/**/*.test.ts"] },
});

const results = process.env["SPILLWAY_TEST_RESULTS"] ?? ".test-results/tests.json";

export default defineConfig({
  test: {
    reporters: process.env["CI"] ? ["default", ["json", { outputFile: results }]] : ["default"],
    projects: [
      project("streams", "packages/streams"),
      project("websocket", "packages/websocket"),
      project("fastify", "packages/fastify"),
      project("testing", "packages/testing"),
      project("demo", "apps/demo"),
      project("docs", "docs"),
    ],
  },
});
