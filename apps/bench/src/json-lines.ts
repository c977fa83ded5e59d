import { readFile } from "node:fs/promises";
import { UsageError } from "./arguments.ts";

/**
 * Reads a file of lines of JSON.
 *
 * @param noun - what each line is to be
 * @param isOne - whether it is
 * @throws {@link UsageError} when the file holds anything else
 */
export async function readLines<T>(
  path: string,
  noun: string,
  isOne: (line: Partial<T>) => boolean,
): Promise<T[]> {
  const text = await readFile(path, "utf8");
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  return lines.map((line, index) => {
    let one: Partial<T>;
    try {
      one = JSON.parse(line) as Partial<T>;
    } catch (error) {
      throw new UsageError(`${path}: line ${index + 1} is no JSON`, { cause: error });
    }
    if (isOne(one)) return one as T;
    throw new UsageError(`${path}: line ${index + 1} is no ${noun}`);
  });
}
