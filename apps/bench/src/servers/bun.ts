import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { Subprocess } from "../subprocess.ts";
import type { BunAnswers, BunAsk, BunJob } from "./bun/protocol.ts";
import type { Server } from "./server.ts";

/** Bun comes from the registry, one package per platform; the one for all runs a script to install. */
const PACKAGES: Readonly<Record<string, string>> = {
  "darwin-arm64": "@oven/bun-darwin-aarch64",
  "darwin-x64": "@oven/bun-darwin-x64",
  "linux-arm64": "@oven/bun-linux-aarch64",
  "linux-x64": "@oven/bun-linux-x64",
};

/**
 * Serves with Bun, which is measured in its own process.
 *
 * @throws as `import()` does when Bun is not installed
 */
export async function serveBun(job: BunJob): Promise<Server> {
  const process = new Subprocess<BunAsk, BunAnswers>("bun/main", import.meta.url, {
    execPath: pathOfBun(),
    execArgv: [],
    deadlineMs: 300_000,
  });
  return {
    port: await process.ask({ kind: "serve", job }),
    run: async (count) => {
      await process.ask({ kind: "run", count });
    },
    gauge: {
      start: async (sampleMs) => {
        await process.ask({ kind: "start", sampleMs });
      },
      stop: async () => process.ask({ kind: "stop" }),
      memory: async () => process.ask({ kind: "memory" }),
    },
  };
}

/** @throws as `import()` does when Bun is not installed */
export function pathOfBun(): string {
  const description = createRequire(import.meta.url).resolve(`${bunPackage()}/package.json`);
  return join(dirname(description), "bin", "bun");
}

/** The package with Bun for this platform. */
export function bunPackage(): string {
  const platform = `${process.platform}-${process.arch}`;
  const name = PACKAGES[platform];
  if (name !== undefined) return name;
  const error: NodeJS.ErrnoException = new Error(`Cannot find package with Bun for ${platform}`);
  error.code = "MODULE_NOT_FOUND";
  throw error;
}
