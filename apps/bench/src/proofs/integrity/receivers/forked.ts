import { createRequire } from "node:module";
import { MissingPeer } from "../../../contender.ts";
import { bunPackage, pathOfBun } from "../../../servers/bun.ts";
import { Subprocess, type SubprocessOptions } from "../../../subprocess.ts";
import type { Checkpoint } from "../checkpoint.ts";
import type { ReceiverAnswers, ReceiverAsk, ReceiverJob } from "../protocol.ts";
import type { Receiver, StartReceiver } from "../receivers.ts";

/** That nothing moves is noticed long before. */
const DEADLINE_MS = 3_600_000;

export const startNode: StartReceiver = async (job, onCheckpoint) =>
  start(`ws ${versionOf("ws")}`, "node", {}, job, onCheckpoint);

export const startBun: StartReceiver = async (job, onCheckpoint) => {
  let how: { name: string; execPath: string };
  try {
    how = { name: `bun ${versionOf(bunPackage())}`, execPath: pathOfBun() };
  } catch (error) {
    throw new MissingPeer((error as Error).message.split("\n", 1)[0], { cause: error });
  }
  return start(how.name, "bun", { execPath: how.execPath, execArgv: [] }, job, onCheckpoint);
};

function start(
  name: string,
  script: string,
  how: Partial<SubprocessOptions>,
  job: ReceiverJob,
  onCheckpoint: (checkpoint: Checkpoint) => void,
): Receiver {
  const process = new Subprocess<ReceiverAsk, ReceiverAnswers>(script, import.meta.url, {
    ...how,
    deadlineMs: DEADLINE_MS,
    onNotice: (checkpoint) => onCheckpoint(checkpoint as Checkpoint),
  });
  const received = process.ask({ kind: "receive", job });
  return { name, received, close: async () => process.close() };
}

function versionOf(name: string): string {
  const { version } = createRequire(import.meta.url)(`${name}/package.json`) as { version: string };
  return version;
}
