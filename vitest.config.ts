import { defineConfig } from "vitest/config";

const source = { conditions: ["@spillway/source"] };

const project = (name: string, root: string) => ({
  resolve: source,
  ssr: { resolve: source },
  test: { name, root, include: ["src/**/*.test.ts", "test/**/*.test.ts"] },
});

export default defineConfig({
  test: {
    projects: [
      project("streams", "packages/streams"),
      project("websocket", "packages/websocket"),
      project("fastify", "packages/fastify"),
      project("testing", "packages/testing"),
    ],
  },
});
