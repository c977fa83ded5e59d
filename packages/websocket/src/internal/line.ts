import { leaseOf, type MessageChunk } from "../frame.ts";
import { type Deferred, deferred } from "@spillway/streams/ends";
import type { Lane } from "./lane.ts";
import type { Message } from "./message.ts";

/** How often a waiting lane is passed over for one of higher priority. */
const MAX_SKIPS = 8;

/** A message whose turn has not come, or of which some fragments have left. */
export interface Job {
  /** Undefined for what `send()` took. */
  readonly lane: Lane | undefined;
  readonly chunk: MessageChunk;
  /** What leaves in fragments, once it is known that it does. */
  message: Message | undefined;
  /** Whether the message is being compressed. */
  isPacking: boolean;
  readonly sent: Deferred<void>;
  /** Payload bytes that have left. */
  offset: number;
  /** Wire bytes still counted as queued. */
  left: number;
  skips: number;
}

/** @param left - its wire bytes */
export function newJob(lane: Lane | undefined, chunk: MessageChunk, left: number): Job {
  const sent = deferred<void>();
  return { lane, chunk, message: undefined, isPacking: false, sent, offset: 0, left, skips: 0 };
}

/** Messages that wait: at most one of each lane, and what `send()` took. */
export class Line {
  readonly #jobs: Job[] = [];

  get isEmpty(): boolean {
    return this.#jobs.length === 0;
  }

  /** In the order in which they came. */
  get jobs(): readonly Job[] {
    return this.#jobs;
  }

  push(job: Job): void {
    this.#jobs.push(job);
  }

  /** The highest priority of those that may leave first, but none of these is passed over for ever. */
  next(mayLeave: (job: Job) => boolean): Job | undefined {
    let next: Job | undefined;
    for (const job of this.#jobs) {
      if (mayLeave(job) && (!next || isBefore(job, next))) next = job;
    }
    if (!next) return undefined;
    this.#jobs.splice(this.#jobs.indexOf(next), 1);
    for (const job of this.#jobs) job.skips++;
    return next;
  }

  /** Gives up all, or what `lane` has written. */
  giveUp(reason: unknown, lane?: Lane): void {
    const gone = this.#jobs.filter((job) => !lane || job.lane === lane);
    for (const job of gone) this.#jobs.splice(this.#jobs.indexOf(job), 1);
    // Last: buffers go back to users, who may write.
    for (const job of gone) giveUp(job, reason);
  }
}

/** Settles a job that will never be sent. */
export function giveUp(job: Job, reason: unknown): void {
  leaseOf(job.chunk)?.free();
  job.sent.reject(reason);
}

/** Whether one that came later leaves before another. */
function isBefore(job: Job, other: Job): boolean {
  if (other.skips >= MAX_SKIPS) return false;
  return job.skips >= MAX_SKIPS || priorityOf(job) > priorityOf(other);
}

function priorityOf({ lane }: Job): number {
  return lane?.priority ?? 0;
}
