import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";

const pathOf = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
export const main: string = pathOf("../dist/main.js");

/** As little as can be measured. */
export const tiny: readonly string[] = ["--reps", "2", "--rep-ms", "2", "--runtime", "current"];

/** What is measured is what is published, so it is built first. */
export async function build(): Promise<void> {
  const args = ["--build", pathOf("../tsconfig.build.json")];
  const { code, stdout } = await run(pathOf("../../../node_modules/.bin/tsc"), args);
  expect(code, stdout).toBe(0);
}

export interface Ended {
  readonly code: number | string;
  readonly stdout: string;
  readonly stderr: string;
}

export async function run(
  file: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(
      file,
      args,
      { timeout: 110_000, env: { ...process.env, ...env } },
      (error, stdout, stderr) => {
        resolve({ code: error ? (error.code ?? "killed") : 0, stdout, stderr });
      },
    );
  });
}

export async function bench(...args: string[]): Promise<Ended> {
  return run(process.execPath, [main, ...args]);
}
