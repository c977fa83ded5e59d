import { parseArgs } from "node:util";
import type { ProofOptions } from "./proof.ts";
import type { Effort } from "./workload.ts";

/** What the command line asks for. */
export type Request =
  | { readonly kind: "help" }
  | { readonly kind: "chart"; readonly results: string; readonly folder: string }
  | { readonly kind: "trace-chart"; readonly trace: string; readonly file: string }
  | {
      readonly kind: "measure";
      readonly workloads: readonly string[];
      readonly runtimes: readonly string[];
      /** Variants to keep; all when empty. */
      readonly only: readonly string[];
      /** Params to keep, as `name=value`; all when empty. */
      readonly where: readonly string[];
      readonly effort: Effort;
      /** Where to write what happens meanwhile. */
      readonly trace: string | undefined;
      readonly json: boolean;
    }
  | {
      readonly kind: "prove";
      readonly proof: string;
      readonly options: ProofOptions;
      readonly json: boolean;
    };

/** The command line makes no sense: exit code 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

const FULL: Effort = { reps: 9, repMs: 500, warmUpMs: 1_000 };
const QUICK: Effort = { reps: 5, repMs: 100, warmUpMs: 500 };

export const USAGE: string = `Usage: npm run --silent bench -- [workload…] [options]
       npm run --silent bench -- <proof> [options]
       npm run --silent bench -- chart <results.jsonl> <folder>
       npm run --silent bench -- chart <trace.jsonl> <file.svg>

Measures every workload named, or all. --silent keeps npm's own lines off stdout.

  --quick               every variant, on this Node, within a minute per workload
  --json                a JSON object per line on stdout, and nothing else
  --runtime <runtime>   current, newest or the path of an executable; may be repeated
                        (current and newest; quick: current)
  --only <variant>      this variant (and what ratios are made to); may be repeated
  --where <name=value>  what has this param; may be repeated
  --trace <file>        lines of what happens, ten a second (freshness)
  --reps <n>            repetitions (${FULL.reps}; quick: ${QUICK.reps})
  --rep-ms <n>          aim of one repetition (${FULL.repMs}; quick: ${QUICK.repMs})
  --help

Options of proofs, beside --quick, --json and --only:

  --seed <n>            of all that is random (integrity; any)
  --megabytes <n>       to send (integrity; 1000 or 200 each, quick: 50 or 20)
  --clients <n>         (soak; 1000, quick: 200)
  --seconds <n>         (soak; 300, quick: 40; the pairs take two thirds of it more)`;

/**
 * Reads the command line.
 *
 * @param args - without the executable and the script
 * @param known - the names of the workloads there are
 * @param proofs - the names of the proofs there are
 * @throws {@link UsageError}
 */
export function readArguments(
  args: readonly string[],
  known: readonly string[],
  proofs: readonly string[],
): Request {
  const { values, positionals } = parsed(args);
  if (values.help) return { kind: "help" };
  if (positionals[0] === "chart") return chartRequest(positionals.slice(1));
  const [proof] = positionals;
  if (proof !== undefined && proofs.includes(proof)) return proofRequest(values, positionals);
  refuse(values, PROOF_OPTIONS, "a workload");
  const unknown = positionals.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    const wanted = [...known, ...proofs].join(", ");
    throw new UsageError(`Unknown workload "${unknown}", want one of: ${wanted}`);
  }
  const effort = values.quick ? QUICK : FULL;
  const repMs = wholeNumber("--rep-ms", values["rep-ms"], effort.repMs);
  return {
    kind: "measure",
    workloads: positionals.length > 0 ? [...new Set(positionals)] : known,
    runtimes: values.runtime ?? (values.quick ? ["current"] : ["current", "newest"]),
    only: values.only ?? [],
    where: values.where ?? [],
    effort: {
      reps: wholeNumber("--reps", values.reps, effort.reps),
      repMs,
      // A warm-up far longer than what it is for would only cost time.
      warmUpMs: repMs === effort.repMs ? effort.warmUpMs : Math.min(effort.warmUpMs, 2 * repMs),
    },
    trace: values.trace,
    json: values.json ?? false,
  };
}

interface Parsed {
  readonly values: {
    readonly quick?: boolean | undefined;
    readonly json?: boolean | undefined;
    readonly help?: boolean | undefined;
    readonly runtime?: string[] | undefined;
    readonly only?: string[] | undefined;
    readonly where?: string[] | undefined;
    readonly trace?: string | undefined;
    readonly reps?: string | undefined;
    readonly "rep-ms"?: string | undefined;
    readonly seed?: string | undefined;
    readonly megabytes?: string | undefined;
    readonly clients?: string | undefined;
    readonly seconds?: string | undefined;
  };
  readonly positionals: string[];
}

function parsed(args: readonly string[]): Parsed {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        quick: { type: "boolean" },
        json: { type: "boolean" },
        help: { type: "boolean", short: "h" },
        runtime: { type: "string", multiple: true },
        only: { type: "string", multiple: true },
        where: { type: "string", multiple: true },
        trace: { type: "string" },
        reps: { type: "string" },
        "rep-ms": { type: "string" },
        seed: { type: "string" },
        megabytes: { type: "string" },
        clients: { type: "string" },
        seconds: { type: "string" },
      },
    });
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error });
  }
}

const PROOF_OPTIONS = ["seed", "megabytes", "clients", "seconds"] as const;
const WORKLOAD_OPTIONS = ["runtime", "reps", "rep-ms", "where", "trace"] as const;

function proofRequest(values: Parsed["values"], positionals: readonly string[]): Request {
  const [proof = "", another] = positionals;
  if (another !== undefined) throw new UsageError(`${proof} runs alone, not with "${another}"`);
  refuse(values, WORKLOAD_OPTIONS, "a proof");
  const number = (name: (typeof PROOF_OPTIONS)[number]): number | undefined => {
    const given = values[name];
    return given === undefined ? undefined : wholeNumber(`--${name}`, given, 0);
  };
  return {
    kind: "prove",
    proof,
    options: {
      isQuick: values.quick ?? false,
      only: values.only ?? [],
      seed: number("seed") ?? 1 + Math.floor(Math.random() * MAX_NUMBER),
      megabytes: number("megabytes"),
      clients: number("clients"),
      seconds: number("seconds"),
    },
    json: values.json ?? false,
  };
}

function refuse(
  values: Parsed["values"],
  options: readonly (keyof Parsed["values"])[],
  of: string,
): void {
  const given = options.find((option) => values[option] !== undefined);
  if (given !== undefined) throw new UsageError(`--${given} is no option of ${of}`);
}

function chartRequest(paths: readonly string[]): Request {
  const [from, to] = paths;
  if (from === undefined || to === undefined || paths.length > 2) {
    throw new UsageError(
      "chart takes two paths: results and the folder for the charts, or a trace and an SVG file",
    );
  }
  return to.endsWith(".svg")
    ? { kind: "trace-chart", trace: from, file: to }
    : { kind: "chart", results: from, folder: to };
}

const MAX_NUMBER = 999_999;

function wholeNumber(option: string, given: string | undefined, fallback: number): number {
  if (given === undefined) return fallback;
  if (!/^[1-9]\d{0,5}$/u.test(given)) {
    throw new UsageError(`${option} takes a whole number from 1 to ${MAX_NUMBER}, not "${given}"`);
  }
  return Number(given);
}
