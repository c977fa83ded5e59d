import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { MissingPeer } from "../../../contender.ts";
import { findRuntimes } from "../../../runtimes.ts";
import { pathOfBun } from "../../../servers/bun.ts";
import type { ProcessName, StartViewer } from "../viewers.ts";
import { startProcess } from "./process.ts";

/** The one that Debian's packages are for. */
const PYTHON = "/usr/bin/python3";
/** Nothing compiles it, so it is where it was written, seen from `src` and from `dist`. */
const VIEW_PY = scriptAt("../../../../src/proofs/states/viewers/view.py");
const WEB = scriptAt("web.js");
/** Deno comes from the registry, one package per platform; the one for all runs a script to install. */
const DENO: Readonly<Record<string, string>> = {
  "darwin-arm64": "@deno/darwin-arm64",
  "darwin-x64": "@deno/darwin-x64",
  "linux-arm64": "@deno/linux-arm64-glibc",
  "linux-x64": "@deno/linux-x64-glibc",
};

export const processes: Readonly<Record<ProcessName, StartViewer>> = {
  node: async (job) => startProcess([job.runtime.path, scriptAt("ws.js")], job),
  nodeNewest: async (job) => startProcess([await newestNode(), WEB], job),
  bun: async (job) => startProcess([installed(pathOfBun), WEB], job),
  deno: async (job) => {
    const args = ["run", "--allow-all", "--no-config", "--no-npm", "--no-remote"];
    return startProcess([installed(pathOfDeno), ...args, WEB], job);
  },
  python: async (job) => startProcess([PYTHON, VIEW_PY, "websocket-client"], job),
  pythonWebsockets: async (job) => startProcess([PYTHON, VIEW_PY, "websockets"], job),
};

function scriptAt(path: string): string {
  return fileURLToPath(new URL(path, import.meta.url));
}

async function newestNode(): Promise<string> {
  let missing = "";
  const [newest] = await findRuntimes(["newest"], (_wanted, why) => {
    missing = why;
  });
  if (!newest) throw new MissingPeer(missing);
  return newest.path;
}

function pathOfDeno(): string {
  const platform = `${process.platform}-${process.arch}`;
  const name = DENO[platform];
  if (name === undefined) throw new Error(`Cannot find package with Deno for ${platform}`);
  const description = createRequire(import.meta.url).resolve(`${name}/package.json`);
  return join(dirname(description), "deno");
}

function installed(find: () => string): string {
  try {
    return find();
  } catch (error) {
    throw new MissingPeer((error as Error).message.split("\n", 1)[0], { cause: error });
  }
}
