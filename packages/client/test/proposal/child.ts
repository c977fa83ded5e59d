import type { CaseResult } from "./case-result.ts";
import type { Job } from "./job.ts";
import { oursWith } from "./ours.ts";
import { platform } from "./platform.ts";
import { runAll } from "./run-all.ts";

// A process that runs all cases on ours and says one line of JSON about each.
const { url, credits, moduleOfWs } = JSON.parse(process.argv[2] ?? "") as Job;
const { where, WebSocket } = await platform(moduleOfWs);
const subject = oursWith(url, { credits, ...(WebSocket !== undefined && { WebSocket }) });

let current = "";
const onStart = (name: string): void => {
  current = name;
};
const tell = (result: CaseResult): void => console.log(JSON.stringify(result));
const report = (error: unknown): void =>
  tell({ where, name: current, wrong: `unhandled: ${String(error)}` });
process.on("unhandledRejection", report);
process.on("uncaughtException", report);
await runAll(where, subject, onStart, tell);
process.exit(0);
