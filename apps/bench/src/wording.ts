import type { Params } from "./workload.ts";

/** `clients = 1000, burst = 16` */
export function describeParams(params: Params): string {
  return Object.entries(params)
    .map(([name, value]) => `${name} = ${value}`)
    .join(", ");
}

/** What sets rows of one block apart, and not blocks. */
const ofRows: ReadonlySet<string> = new Set([
  "chunks",
  "frozen",
  "part",
  "receiver",
  "send",
  "source",
  "touched",
  "write",
]);

/** The params that rows have in common with all they are compared with. */
export function sharedParams(params: Params): Params {
  return Object.fromEntries(Object.entries(params).filter(([name]) => !ofRows.has(name)));
}

/** `net`, `net (write = 64KiB)` */
export function rowName(variant: string, params: Params): string {
  const own = Object.fromEntries(Object.entries(params).filter(([name]) => ofRows.has(name)));
  return Object.keys(own).length === 0 ? variant : `${variant} (${describeParams(own)})`;
}

/** Three digits, and all of those before the point. */
export function figure(value: number): string {
  const shown = value >= 100 ? Math.round(value) : Number(value.toPrecision(3));
  return shown.toLocaleString("en", { maximumFractionDigits: 6 });
}
