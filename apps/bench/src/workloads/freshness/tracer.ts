import { appendFileSync } from "node:fs";
import { knownOf, type TraceSample } from "../../trace.ts";
import type { Glance } from "../../viewers/protocol.ts";
import type { Contender } from "../../workload.ts";
import type { Sender } from "./sender.ts";

/** Writes what the viewer sees, and what the sender knows then, as lines of JSON. */
export function tracer(
  file: string,
  { variant, params }: Contender,
  sender: Sender,
): (glance: Glance, rep: number) => void {
  const runtime = `${process.release.name} ${process.versions.node}`;
  return ({ atMs, elapsedMs, streams }, rep) => {
    // Connections of the repetition before may still be there.
    const accounts = sender.stats?.().slice(-streams.length) ?? [];
    const lines = streams.map(({ bytes, ageMs }, index) => {
      const account = accounts[index];
      const sample: TraceSample = {
        workload: "freshness",
        variant,
        runtime,
        params,
        rep,
        stream: index + 1,
        atMs: Math.round(atMs),
        ...(account && knownOf(account)),
        ageMs,
        bytesPerSecond: (bytes / elapsedMs) * 1_000,
      };
      return `${JSON.stringify(sample)}\n`;
    });
    // Whoever ends this process does not wait for what has not been written.
    appendFileSync(file, lines.join(""));
  };
}
