import type { ContractPair } from "./contract-pair.ts";
import { fail, fulfils, rejectsWith, settles } from "./internal/claims.ts";
import { Rig } from "./internal/rig.ts";

/** One behaviour to check. */
export interface ContractCase {
  /** What the pair does, in the present tense. */
  readonly name: string;
  /** Rejects when the pair does not do it; ends within seconds even when a promise never settles. */
  readonly run: () => Promise<void>;
}

/** More chunks than any sensible mark holds. */
const MANY = 200;

/**
 * Lists what a lossless stage of one chunk in, one chunk out must do: keep order, bound what it
 * pulls while nobody reads, carry close, abort, cancel and error to the other end, and settle every
 * promise it gave out.
 *
 * It is stricter than the standard in one place: aborting a writable whose write is held settles
 * that write at once, with nobody reading. A native `TransformStream` waits for a reader.
 *
 * @param make - makes a fresh pair; called once a case
 * @returns the cases, for any runner
 *
 * @example
 * ```ts
 * import { test } from "node:test";
 * import { streamContract } from "@spillway/testing";
 * import { bounded } from "@spillway/streams";
 *
 * const cases = streamContract(() => ({
 *   ...bounded<number>({ highWaterMark: 4 }),
 *   chunk: (index) => index,
 * }));
 * for (const { name, run } of cases) test(name, run);
 * ```
 */
export function streamContract<In, Out = In>(
  make: () => ContractPair<In, Out>,
): readonly ContractCase[] {
  return Object.entries(behaviours<In, Out>()).map(([name, behave]) => ({
    name,
    run: async () => {
      const rig = new Rig(make());
      await behave(rig);
      await rig.done();
    },
  }));
}

type Behaviour<In, Out> = (rig: Rig<In, Out>) => Promise<void>;

function behaviours<In, Out>(): Record<string, Behaviour<In, Out>> {
  return { ...flows<In, Out>(), ...endings<In, Out>(), ...pipes<In, Out>() };
}

function flows<In, Out>(): Record<string, Behaviour<In, Out>> {
  return {
    "delivers every chunk in order": async (rig) => {
      const [writer, reader] = [rig.writer(), rig.reader()];
      const produce = async (): Promise<void> => {
        for (let index = 0; index < MANY; index += 1) {
          await fulfils(rig.track("writer.ready", writer.ready), "writer.ready");
          void rig.write(writer);
        }
        await fulfils(writer.close(), "writer.close()");
      };
      const produced = rig.track("the producer", produce());
      for (let index = 0; index < MANY; index += 1) await rig.read(reader);
      await readsEnd(rig, reader);
      await fulfils(produced, "the producer");
    },

    "delivers to reads that were waiting": async (rig) => {
      const [writer, reader] = [rig.writer(), rig.reader()];
      const reads = Array.from({ length: 3 }, () => rig.track("a read", reader.read()));
      for (const read of reads) {
        void rig.write(writer);
        const { value } = await fulfils(read, "a read that was waiting");
        rig.expect(value as Out);
      }
      void rig.track("writer.close()", writer.close());
      await readsEnd(rig, reader);
    },

    "holds the producer until the consumer reads": async (rig) => {
      const [writer, reader] = [rig.writer(), rig.reader()];
      await rig.fill(writer);
      await rig.readAll(reader);
      await fulfils(rig.track("writer.ready", writer.ready), "writer.ready after a stall");
      void rig.track("writer.close()", writer.close());
      await readsEnd(rig, reader);
    },

    "hands its locks on": async (rig) => {
      const first = { writer: rig.writer(), reader: rig.reader() };
      void rig.write(first.writer);
      await rig.read(first.reader);
      first.writer.releaseLock();
      first.reader.releaseLock();
      const [writer, reader] = [rig.writer(), rig.reader()];
      void rig.write(writer);
      await rig.read(reader);
      void rig.track("writer.close()", writer.close());
      await readsEnd(rig, reader);
    },
  };
}

function endings<In, Out>(): Record<string, Behaviour<In, Out>> {
  return {
    "delivers what is queued, then closes": async (rig) => {
      const [writer, reader] = [rig.writer(), rig.reader()];
      await rig.fill(writer);
      const closing = rig.track("writer.close()", writer.close());
      await rig.readAll(reader);
      await readsEnd(rig, reader);
      await fulfils(closing, "writer.close()");
      await fulfils(writer.closed, "writer.closed");
      await fulfils(reader.closed, "reader.closed");
    },

    "ends a waiting read when it closes": async (rig) => {
      const [writer, reader] = [rig.writer(), rig.reader()];
      const read = rig.track("a read", reader.read());
      await fulfils(writer.close(), "writer.close()");
      if (!(await fulfils(read, "a waiting read")).done) fail("Cannot close: a chunk came instead");
    },

    "refuses a write after close": async (rig) => {
      const [writer, reader] = [rig.writer(), rig.reader()];
      const closing = rig.track("writer.close()", writer.close());
      const late = await settles(writer.write(rig.pair.chunk(0)), "a write after close");
      if (late.status === "fulfilled") fail("Cannot refuse a write after close: it was fulfilled");
      await readsEnd(rig, reader);
      await fulfils(closing, "writer.close()");
    },

    "errors the readable when the writable is aborted": async (rig) => {
      const reason = new Error("The producer gives up");
      const [writer, reader] = [rig.writer(), rig.reader()];
      const read = rig.track("a read", reader.read());
      await fulfils(writer.abort(reason), "writer.abort()");
      await rejectsWith(read, reason, "a waiting read");
      await rejectsWith(reader.closed, reason, "reader.closed");
      await rejectsWith(writer.closed, reason, "writer.closed");
    },

    "settles a held write when the writable is aborted": async (rig) => {
      const reason = new Error("The producer gives up");
      const [writer, reader] = [rig.writer(), rig.reader()];
      await rig.fill(writer);
      await fulfils(writer.abort(reason), "writer.abort() of a full pair");
      await rig.done();
      await rejectsWith(reader.closed, reason, "reader.closed");
      await rejectsWith(reader.read(), reason, "a read after abort");
    },

    "errors the writable when the readable is cancelled": async (rig) => {
      const reason = new Error("The consumer leaves");
      const [writer, reader] = [rig.writer(), rig.reader()];
      await fulfils(reader.cancel(reason), "reader.cancel()");
      await rejectsWith(writer.closed, reason, "writer.closed");
      await rejectsWith(writer.write(rig.pair.chunk(0)), reason, "a write after cancel");
    },

    "settles a held write when the readable is cancelled": async (rig) => {
      const reason = new Error("The consumer leaves");
      const [writer, reader] = [rig.writer(), rig.reader()];
      await rig.fill(writer);
      await fulfils(reader.cancel(reason), "reader.cancel() of a full pair");
      await rig.done();
      await rejectsWith(writer.closed, reason, "writer.closed");
    },
  };
}

function pipes<In, Out>(): Record<string, Behaviour<In, Out>> {
  return {
    "bounds what is pulled while nobody reads": async (rig) => {
      const reason = new Error("The consumer leaves");
      const source = rig.source(rig.limit + 1, "hang");
      const piped = rig.track("the pipe", source.stream.pipeTo(rig.pair.writable));
      await rig.steady(source);
      if (source.sent.length > rig.limit) {
        fail(`Cannot hold the source: more than ${rig.limit} chunks were pulled, nobody reading`);
      }
      const reader = rig.reader();
      for (let index = 0; index < rig.limit; index += 1) await rig.read(reader);
      await fulfils(reader.cancel(reason), "reader.cancel()");
      await rejectsWith(piped, reason, "the pipe");
    },

    "carries a cancel to the source": async (rig) => {
      const reason = new Error("The consumer leaves");
      const source = rig.source(rig.limit + 1, "hang");
      const piped = rig.track("the pipe", source.stream.pipeTo(rig.pair.writable));
      await rig.steady(source);
      await fulfils(rig.pair.readable.cancel(reason), "readable.cancel()");
      await rejectsWith(piped, reason, "the pipe");
      const got = await fulfils(source.cancelled, "the cancel of the source");
      if (got !== reason) fail(`Cannot carry the reason to the source: got ${String(got)}`);
    },

    "carries an error of the source to the consumer": async (rig) => {
      const reason = new Error("The source breaks");
      const { stream } = rig.source(3, { reason });
      const piped = rig.track("the pipe", stream.pipeTo(rig.pair.writable));
      const reader = rig.reader();
      const consume = async (): Promise<void> => {
        for (;;) {
          const { done, value } = await reader.read();
          if (done) return;
          rig.expect(value);
        }
      };
      await rejectsWith(rig.track("the consumer", consume()), reason, "the consumer");
      await rejectsWith(piped, reason, "the pipe");
    },

    "carries an error of the sink to the source": async (rig) => {
      const reason = new Error("The sink breaks");
      const source = rig.source(MANY, "hang");
      const sink = new WritableStream<Out>({
        write: () => {
          throw reason;
        },
      });
      const piped = rig.track("the pipe in", source.stream.pipeTo(rig.pair.writable));
      const drained = rig.track("the pipe out", rig.pair.readable.pipeTo(sink));
      await rejectsWith(drained, reason, "the pipe out");
      await rejectsWith(piped, reason, "the pipe in");
      const got = await fulfils(source.cancelled, "the cancel of the source");
      if (got !== reason) fail(`Cannot carry the reason to the source: got ${String(got)}`);
    },

    "passes a pipe through and closes its sink": async (rig) => {
      let closed = false;
      const { stream } = rig.source(MANY, "close");
      const sink = new WritableStream<Out>({
        write: (chunk) => rig.expect(chunk),
        close: () => {
          closed = true;
        },
      });
      const piped = rig.track("the pipe", stream.pipeThrough(rig.pair).pipeTo(sink));
      await fulfils(piped, "the pipe");
      rig.expectAll();
      if (!closed) fail("Cannot close the sink: the pipe ended without");
    },
  };
}

async function readsEnd<In, Out>(
  rig: Rig<In, Out>,
  reader: ReadableStreamDefaultReader<Out>,
): Promise<void> {
  const { done } = await fulfils(rig.track("the last read", reader.read()), "the last read");
  if (!done) fail("Cannot close the readable: a chunk came that was never written");
  rig.expectAll();
}
