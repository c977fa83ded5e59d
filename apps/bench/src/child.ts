// The process of one contender: nothing else runs in it, so nothing else shapes its machine code.
import { answering } from "./answering.ts";
import type { Answers, Ask } from "./protocol.ts";
import type { Trial } from "./workload.ts";
import { workloads } from "./workloads.ts";

let trial: Trial | undefined;

async function answer(ask: Ask): Promise<Answers[Ask["kind"]]> {
  if (ask.kind === "repeat") {
    if (!trial) throw new Error("Cannot repeat what was not prepared");
    return trial.repeat();
  }
  const load = workloads[ask.workload];
  if (!load) throw new Error(`Cannot find workload "${ask.workload}"`);
  const workload = await load();
  trial = await workload.prepare(ask.contender);
  return undefined;
}

answering(answer);
