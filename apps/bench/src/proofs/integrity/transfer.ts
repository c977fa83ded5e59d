import type { Runtime } from "../../runtimes.ts";
import { Subprocess } from "../../subprocess.ts";
import { Comparison, type Difference } from "./comparison.ts";
import { describeMessage } from "./plan.ts";
import type { Sample, SenderAnswers, SenderAsk, SenderNotice, SendJob } from "./protocol.ts";
import type { Receiver, StartReceiver } from "./receivers.ts";

/** What it took to bring everything over. */
export interface Transfer {
  /** Who received, as it says itself. */
  readonly receiver: string;
  /** Of the sender, the first from before it sent. */
  readonly samples: readonly Sample[];
}

/** Longer than any pause of a receiver, by far. */
const STALL_MS = 30_000;
/** That nothing moves is noticed long before. */
const DEADLINE_MS = 3_600_000;

/**
 * Sends everything from one process to another, and compares what they say of it.
 *
 * @throws `MissingPeer`, or an error that says what is wrong with what arrived
 */
export async function transfer(
  job: SendJob,
  start: StartReceiver,
  runtime: Runtime,
  onSample: (sample: Sample) => void,
): Promise<Transfer> {
  const comparison = new Comparison();
  const samples: Sample[] = [];
  let movedAt = performance.now();
  let fail!: (error: Error) => void;
  const broken = new Promise<never>((_, reject) => {
    fail = reject;
  });
  broken.catch(() => {});
  const compare = (difference: Difference | undefined): void => {
    movedAt = performance.now();
    if (difference) fail(new Error(wordingOf(difference, job.seed)));
  };

  const sender = new Subprocess<SenderAsk, SenderAnswers>("sender", import.meta.url, {
    execPath: runtime.path,
    // Memory is looked at when garbage is gone.
    execArgv: [...process.execArgv, "--expose-gc"],
    deadlineMs: DEADLINE_MS,
    onNotice(told) {
      const what = told as SenderNotice;
      if (what.kind === "checkpoint") return compare(comparison.sent(what.checkpoint));
      const { sample } = what;
      if (sample.bytes !== samples.at(-1)?.bytes) movedAt = performance.now();
      samples.push(sample);
      onSample(sample);
    },
  });
  const watch = setInterval(() => {
    if (performance.now() - movedAt < STALL_MS) return;
    const bytes = samples.at(-1)?.bytes.toLocaleString("en") ?? "0";
    fail(new Error(`nothing moved for ${STALL_MS / 1000} s, after ${bytes} bytes were written`));
  }, 1000);

  let receiver: Receiver | undefined;
  try {
    const port = await sender.ask({ kind: "serve", job });
    const { seed, deflate } = job;
    receiver = await start({ port, seed, deflate: deflate !== "off" }, (checkpoint) =>
      compare(comparison.received(checkpoint)),
    );
    // It may have gone already when the sender is asked; that waits for nobody.
    const { received } = receiver;
    await Promise.race([broken, Promise.all([sender.ask({ kind: "send" }), received])]);
    compare(comparison.end());
    await Promise.race([broken, Promise.resolve()]);
    return { receiver: receiver.name, samples };
  } finally {
    clearInterval(watch);
    await Promise.all([sender.close(), receiver?.close()]);
  }
}

function wordingOf({ message, what }: Difference, seed: number): string {
  const which = describeMessage(seed, message);
  if (what === "missing") return `${which} was sent and did not arrive`;
  if (what === "surplus") return `message ${message} arrived and was not sent`;
  return `${which} is not what arrived in its place`;
}
