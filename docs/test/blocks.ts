import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The project's root, with a slash behind it. */
export const root: string = fileURLToPath(new URL("../../", import.meta.url));

/** A fenced block of a document. */
export interface Block {
  readonly language: string;
  /** The file that it is, or goes on; `undefined` for one that stands alone. */
  readonly file: string | undefined;
  readonly code: string;
}

/**
 * Every fenced block of a Markdown file, or of the TSDoc of a source file, in order.
 *
 * @param path - from the root
 */
export function blocksOf(path: string): Block[] {
  const text = readFileSync(root + path, "utf8");
  const lines = text.split("\n").map((line) => line.replace(/^ *\* ?/u, ""));
  const markdown = path.endsWith(".ts") ? lines.join("\n") : text;
  return [...markdown.matchAll(/^```(\w+)(?: (\S+))?\n(.*?)^```/gmsu)].map(
    ([, language = "", file, code = ""]) => ({ language, file, code }),
  );
}

/** The files that blocks make up, by name, each from all that name it. */
export function filesOf(blocks: readonly Block[]): Map<string, string> {
  const files = new Map<string, string>();
  for (const { file, code } of blocks) {
    if (file !== undefined) files.set(file, `${files.get(file) ?? ""}${code}`);
  }
  return files;
}
