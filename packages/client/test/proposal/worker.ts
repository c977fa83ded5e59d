import type { CaseResult } from "./case-result.ts";
import type { Job } from "./job.ts";
import { oursWith } from "./ours.ts";
import { platform } from "./platform.ts";
import { runAll } from "./run-all.ts";

// A worker that runs all cases on ours and posts one message about each, then one more.
addEventListener("message", ({ data }: MessageEvent<Job>) => {
  void run(data);
});

async function run({ url, credits }: Job): Promise<void> {
  const { where } = await platform();
  let current = "";
  const onStart = (name: string): void => {
    current = name;
  };
  const tell = (result: CaseResult): void => postMessage(result);
  addEventListener("unhandledrejection", ({ reason }) => {
    tell({ where, name: current, wrong: `unhandled: ${String(reason)}` });
  });
  await runAll(where, oursWith(url, { credits }), onStart, tell);
  postMessage("done");
}
