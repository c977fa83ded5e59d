import { execFile } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { blocksOf, filesOf, root } from "./blocks.ts";

const out = `${root}docs/.snippets/`;

/** What is to compile of a document, by the name of its file: those of a guide lie together. */
function snippets(path: string): [file: string, code: string][] {
  const name = path.replaceAll("/", "__").replace(/\.\w+$/u, "");
  const blocks = blocksOf(path).filter(({ language }) => language === "ts");
  const alone = blocks.flatMap(({ file, code }, index): [string, string][] =>
    file === undefined ? [[`${name}__${index + 1}.ts`, code]] : [],
  );
  const named = [...filesOf(blocks)].map(([file, code]): [string, string] => [
    `${name}/${file}`,
    code,
  ]);
  return [...alone, ...named];
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
    for (const [file, code] of all) {
      mkdirSync(dirname(out + file), { recursive: true });
      writeFileSync(out + file, `${code}\nexport {};\n`);
    }
    const config = {
      extends: "../tsconfig.json",
      compilerOptions: {
        lib: ["ES2023", "DOM", "DOM.Iterable"],
        noUnusedLocals: false,
        noUnusedParameters: false,
      },
      include: ["**/*.ts"],
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
