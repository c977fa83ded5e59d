import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** The one that the environment variable names, or the first of these in the path. */
export function findExecutable(variable: string, names: readonly string[]): string | undefined {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  const paths = folders.flatMap((folder) => names.map((name) => join(folder, name)));
  const named = process.env[variable];
  return (named ? [named] : paths).find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** The Chromium that `CHROMIUM` names, or the first in the path. */
export function findChromium(): string | undefined {
  return findExecutable("CHROMIUM", ["chromium", "chromium-browser", "google-chrome"]);
}
