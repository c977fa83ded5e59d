import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { MissingPeer } from "../../../contender.ts";
import type { Checkpoint } from "../checkpoint.ts";
import type { StartReceiver } from "../receivers.ts";

/** The one that Debian's packages are for. */
const PYTHON = "/usr/bin/python3";
/** Nothing compiles it, so it is where it was written, seen from `src` and from `dist`. */
const SCRIPT = new URL("../../../../src/proofs/integrity/receivers/receive.py", import.meta.url);

type Line = Checkpoint | { readonly name: string } | { readonly missing: string } | Closed;

interface Closed {
  readonly code: number;
}

export const startPython: StartReceiver = async ({ port, seed }, onCheckpoint) => {
  const python = spawn(PYTHON, [fileURLToPath(SCRIPT), String(port), String(seed)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = new Promise<Error>((resolve) => {
    python.once("error", resolve);
    python.once("close", (code, signal) => {
      resolve(new Error(`its process ended with ${signal ?? `exit code ${code}`}`));
    });
  });
  const close = async (): Promise<void> => {
    if (python.pid === undefined || python.exitCode !== null || python.signalCode !== null) return;
    const ended = once(python, "close");
    python.kill("SIGKILL");
    await ended;
  };

  let onName!: (name: string) => void;
  const named = new Promise<string>((resolve) => {
    onName = resolve;
  });
  const received = new Promise<void>((resolve, reject) => {
    createInterface({ input: python.stdout }).on("line", (text) => {
      const line = JSON.parse(text) as Line;
      if ("messages" in line) onCheckpoint(line);
      else if ("name" in line) onName(line.name);
      else if ("missing" in line) reject(new MissingPeer(line.missing));
      else if (line.code === 1000) resolve();
      else reject(new Error(`the connection was closed with ${line.code}`));
    });
    void exited.then((error) => {
      const isMissing = (error as NodeJS.ErrnoException).code === "ENOENT";
      reject(isMissing ? new MissingPeer(error.message, { cause: error }) : error);
    });
  });
  received.catch(() => {});
  // Without a name it has failed, and `received` says why.
  const name = await Promise.race([named, received.then(() => "python")]);
  return { name, received, close };
};
