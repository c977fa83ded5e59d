import type { Params } from "./workload.ts";

/** `clients = 1000, burst = 16` */
export function describeParams(params: Params): string {
  return Object.entries(params)
    .map(([name, value]) => `${name} = ${value}`)
    .join(", ");
}

/** Three digits, and all of those before the point. */
export function figure(value: number): string {
  const shown = value >= 100 ? Math.round(value) : Number(value.toPrecision(3));
  return shown.toLocaleString("en", { maximumFractionDigits: 6 });
}
