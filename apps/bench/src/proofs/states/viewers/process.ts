import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { now } from "../../../clients/protocol.ts";
import { MissingPeer } from "../../../contender.ts";
import type { Showing } from "../protocol.ts";
import type { Viewer, ViewerJob } from "../viewers.ts";

/** What it prints, a JSON object per line: who it is, or why it cannot be, and then what it shows. */
type Line =
  | { readonly name: string }
  | { readonly missing: string }
  | { readonly showing: Showing };

/** Starts a viewer that is told the URL as its last argument. @throws {@link MissingPeer} */
export async function startProcess(
  [file, ...args]: readonly [string, ...string[]],
  { url, onShowing }: ViewerJob,
): Promise<Viewer> {
  const viewer = spawn(file, [...args, url], { stdio: ["ignore", "pipe", "inherit"] });
  const exited = new Promise<never>((_, reject) => {
    viewer.once("error", (error: NodeJS.ErrnoException) => {
      reject(error.code === "ENOENT" ? new MissingPeer(error.message, { cause: error }) : error);
    });
    viewer.once("close", (code, signal) => {
      reject(new Error(`its process ended with ${signal ?? `exit code ${code}`}`));
    });
  });
  exited.catch(() => {});
  const named = new Promise<string>((resolve, reject) => {
    createInterface({ input: viewer.stdout }).on("line", (text) => {
      const line = JSON.parse(text) as Line;
      if ("showing" in line) onShowing(line.showing);
      else if ("name" in line) resolve(line.name);
      else reject(new MissingPeer(line.missing));
    });
  });
  return {
    name: await Promise.race([named, exited]),
    broken: exited,
    async trouble(_what, ms) {
      const fromMs = now();
      viewer.kill("SIGSTOP");
      await sleep(ms);
      const untilMs = now();
      viewer.kill("SIGCONT");
      return { fromMs, untilMs };
    },
    close: async () => end(viewer),
  };
}

async function end(viewer: ChildProcess): Promise<void> {
  if (viewer.pid === undefined || viewer.exitCode !== null || viewer.signalCode !== null) return;
  const ended = once(viewer, "close");
  viewer.kill("SIGKILL");
  await ended;
}
