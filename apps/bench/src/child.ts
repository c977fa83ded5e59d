// The process of one contender: nothing else runs in it, so nothing else shapes its machine code.
import type { Answer, Ask } from "./protocol.ts";
import type { Trial } from "./workload.ts";
import { workloads } from "./workloads.ts";

let trial: Trial | undefined;

async function answer(ask: Ask): Promise<Answer> {
  if (ask.kind === "repeat") {
    if (!trial) throw new Error("Cannot repeat what was not prepared");
    return { kind: "measured", measurements: await trial.repeat() };
  }
  const load = workloads[ask.workload];
  if (!load) throw new Error(`Cannot find workload "${ask.workload}"`);
  const workload = await load();
  trial = await workload.prepare(ask.contender);
  return { kind: "ready" };
}

function refusal(error: unknown): Answer {
  const { code, message, stack } = error as NodeJS.ErrnoException;
  const isMissing = code === "ERR_MODULE_NOT_FOUND" || code === "MODULE_NOT_FOUND";
  return isMissing ? { kind: "missing", why: message } : { kind: "failed", why: stack ?? message };
}

process.on("message", (ask: Ask) => {
  void answer(ask)
    .catch(refusal)
    .then((reply) => process.send?.(reply));
});
// The bench is gone, however it went.
process.on("disconnect", () => process.exit());
