import { readdir, readFile } from "node:fs/promises";

/**
 * What a process and all that it has started keep in memory, where Linux tells: the pages that several
 * of them share are counted once.
 */
export async function residentBytes(root: number): Promise<number | undefined> {
  if (process.platform !== "linux") return undefined;
  const parents = await parentsOfAll();
  const isOfTree = (id: number | undefined): boolean =>
    id !== undefined && (id === root || isOfTree(parents.get(id)));
  const sizes = [...parents.keys()].filter(isOfTree).map(proportionalBytes);
  return (await Promise.all(sizes)).reduce((sum, bytes) => sum + bytes, 0);
}

async function parentsOfAll(): Promise<Map<number, number>> {
  const ids = (await readdir("/proc")).filter((name) => /^\d+$/u.test(name)).map(Number);
  const parents = new Map<number, number>();
  for (const id of ids) {
    const stat = await ofProcess(id, "stat");
    // The name before it is in brackets, and may have any in it.
    const parent = /^ \S (\d+)/u.exec(stat.slice(stat.lastIndexOf(")") + 1))?.[1];
    if (parent !== undefined) parents.set(id, Number(parent));
  }
  return parents;
}

/** @see https://docs.kernel.org/filesystems/proc.html for the proportional set size */
async function proportionalBytes(id: number): Promise<number> {
  const rollup = await ofProcess(id, "smaps_rollup");
  return Number(/^Pss:\s+(\d+) kB$/mu.exec(rollup)?.[1] ?? 0) * 1024;
}

/** Empty for a process that has ended meanwhile. */
async function ofProcess(id: number, file: string): Promise<string> {
  return readFile(`/proc/${id}/${file}`, "utf8").catch(() => "");
}
