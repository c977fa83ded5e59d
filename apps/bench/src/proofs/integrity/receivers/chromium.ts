import { type Chromium, startChromium as start } from "../../../chromium.ts";
import type { Checkpoint } from "../checkpoint.ts";
import type { ReceiverJob } from "../protocol.ts";
import type { StartReceiver } from "../receivers.ts";

const SCRIPT = new URL("page.js", import.meta.url);

export const startChromium: StartReceiver = async (job, onCheckpoint) => {
  const chromium = await start(SCRIPT);
  const received = receiveIn(chromium, job, onCheckpoint);
  received.catch(() => {});
  return {
    name: `chromium ${chromium.browser.version()}`,
    received,
    close: async () => chromium.close(),
  };
};

async function receiveIn(
  { browser, url }: Chromium,
  job: ReceiverJob,
  onCheckpoint: (checkpoint: Checkpoint) => void,
): Promise<void> {
  const page = await browser.newPage();
  const broken = new Promise<never>((_, reject) => {
    page.once("pageerror", reject);
    page.once("crash", () => reject(new Error("the page crashed")));
  });
  await page.exposeFunction("tell", onCheckpoint);
  await page.goto(url);
  const code = page.evaluate(`receive(${JSON.stringify(job)})`);
  if ((await Promise.race([code, broken])) === 1000) return;
  throw new Error(`the connection was closed with ${String(await code)}`);
}
