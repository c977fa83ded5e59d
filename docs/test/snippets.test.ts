import { execFile } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));
const out = `${root}docs/.snippets/`;

/** Every `ts` block of a Markdown file, or of the TSDoc of a source file. */
function snippets(path: string): { readonly name: string; readonly code: string }[] {
  const isSource = path.endsWith(".ts");
  const text = readFileSync(root + path, "utf8");
  const lines = isSource ? text.split("\n").map((line) => line.replace(/^ *\* ?/u, "")) : [];
  const markdown = isSource ? lines.join("\n") : text;
  return [...markdown.matchAll(/^```ts\n(.*?)^```/gmsu)].map((match, index) => ({
    name: `${path.replaceAll("/", "__").replace(/\.\w+$/u, "")}__${index + 1}.ts`,
    code: match[1] ?? "",
  }));
}

/** Files of ours: what tools put into folders of theirs comes and goes meanwhile. */
function files(folder: string, wanted: RegExp): string[] {
  return readdirSync(root + folder, { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isFile()) return wanted.test(path) ? [path] : [];
    return entry.isDirectory() && !/^(\.|node_modules$|dist$)/u.test(entry.name)
      ? files(path, wanted)
      : [];
  });
}

describe("documentation", () => {
  test("every ts block compiles", { timeout: 60_000 }, async () => {
    const packages = readdirSync(`${root}packages`);
    const all = [
      "README.md",
      ...files("docs", /\.md$/u),
      ...packages.map((name) => `packages/${name}/README.md`),
      ...packages.flatMap((name) => files(`packages/${name}/src`, /(?<!\.test|\.test-d)\.ts$/u)),
    ].flatMap(snippets);
    expect(all.length).toBeGreaterThan(10);

    rmSync(out, { recursive: true, force: true });
    mkdirSync(out, { recursive: true });
    for (const { name, code } of all) writeFileSync(out + name, `${code}\nexport {};\n`);
    const config = {
      extends: "../tsconfig.json",
      compilerOptions: { noUnusedLocals: false, noUnusedParameters: false },
      include: ["*.ts"],
    };
    writeFileSync(`${out}tsconfig.json`, JSON.stringify(config));
    const tsc = `${root}node_modules/.bin/tsc`;
    const { stdout } = await promisify(execFile)(tsc, ["--project", out]).catch(
      (error: { stdout: string }) => error,
    );
    expect(stdout).toBe("");
  });

  test("the reference names every error code, and no other", () => {
    const source = readFileSync(`${root}packages/streams/src/errors.ts`, "utf8");
    const reference = readFileSync(`${root}docs/reference/errors.md`, "utf8");
    const codes = (text: string): string[] => [
      ...new Set([...text.matchAll(/\bSPW_ERR_[A-Z_]+/gu)].map(([code]) => code)),
    ];
    expect(codes(source).length).toBeGreaterThan(5);
    expect(codes(reference).toSorted()).toEqual(codes(source).toSorted());
  });
});
