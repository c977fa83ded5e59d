import { type ScriptedSink, scriptedSink } from "../../scripted-sink.ts";
import type { SourceEnd } from "../../scripted-source.ts";
import { fail, fulfils, rejectsWith } from "../claims.ts";
import { steady } from "../fill.ts";
import type { Rig } from "../rig.ts";
import { type Behaviours, MANY } from "./behaviour.ts";

/** What a chain of pipes does; it may lead through streams of any make. */
export function pipes<In, Out>(): Behaviours<In, Out> {
  return {
    "bounds what is pulled while nobody reads": async (rig) => {
      const reason = new Error("The consumer leaves");
      const source = rig.source(rig.limit + 1, "stall");
      const piped = rig.pipeIn(source);
      await steady(source);
      if (source.sent.length > rig.limit) {
        fail(`Cannot hold the source: more than ${rig.limit} chunks were pulled, nobody reading`);
      }
      const reader = rig.reader();
      for (let index = 0; index < rig.limit; index += 1) await rig.read(reader);
      await fulfils(reader.cancel(reason), "reader.cancel()");
      await rejectsWith(piped, reason, "the pipe");
    },

    "holds the source while its sink stalls": async (rig) => {
      const before = 3;
      const source = rig.source(MANY);
      const sink = scriptedSink<Out>([{ take: before }, "stall"]);
      const [piped, drained] = [rig.pipeIn(source), rig.pipeOut(sink)];
      await steady(source);
      const limit = before + rig.chainLimit;
      if (source.sent.length > limit) {
        fail(`Cannot hold the source: more than ${limit} chunks were pulled, its sink stalled`);
      }
      sink.release();
      await fulfils(piped, "the pipe in");
      await fulfils(drained, "the pipe out");
      await closedWithAll(rig, sink);
    },

    "carries a cancel to the source": async (rig) => {
      const reason = new Error("The consumer leaves");
      const source = rig.source(rig.limit + 1, "stall");
      const piped = rig.pipeIn(source);
      await steady(source);
      await fulfils(rig.pair.readable.cancel(reason), "readable.cancel()");
      await rejectsWith(piped, reason, "the pipe");
      await cancelledWith(source, reason);
    },

    "carries an error of the source to the consumer": async (rig) => {
      const reason = new Error("The source breaks");
      const piped = rig.pipeIn(rig.source(3, { error: reason }));
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

    "carries an error of the source to the sink": async (rig) => {
      const reason = new Error("The source breaks");
      const source = rig.source(3, "stall");
      const sink = scriptedSink<Out>();
      const [piped, drained] = [rig.pipeIn(source), rig.pipeOut(sink)];
      await steady(source);
      source.error(reason);
      await rejectsWith(piped, reason, "the pipe in");
      await rejectsWith(drained, reason, "the pipe out");
      const end = await fulfils(sink.ended, "the abort of the sink");
      if (end.how !== "aborted") fail(`Cannot abort the sink: it was ${end.how}`);
      if (end.reason !== reason) {
        fail(`Cannot carry the reason to the sink: got ${String(end.reason)}`);
      }
    },

    "carries an error of the sink to the source": async (rig) => {
      const reason = new Error("The sink breaks");
      const source = rig.source(MANY, "stall");
      const sink = scriptedSink<Out>([{ take: 3 }, "stall"]);
      const [piped, drained] = [rig.pipeIn(source), rig.pipeOut(sink)];
      await steady(source);
      sink.error(reason);
      await rejectsWith(drained, reason, "the pipe out");
      await rejectsWith(piped, reason, "the pipe in");
      await cancelledWith(source, reason);
    },

    "passes a pipe through and closes its sink": async (rig) => {
      const sink = scriptedSink<Out>();
      const piped = rig.pipeIn(rig.source(MANY));
      await fulfils(rig.pipeOut(sink), "the pipe out");
      await fulfils(piped, "the pipe in");
      await closedWithAll(rig, sink);
    },

    "closes its sink when nothing came": async (rig) => {
      const sink = scriptedSink<Out>();
      const piped = rig.pipeIn(rig.source(0));
      await fulfils(rig.pipeOut(sink), "the pipe out");
      await fulfils(piped, "the pipe in");
      await closedWithAll(rig, sink);
    },
  };
}

/** Checks that a source was cancelled, and with this very reason. */
export async function cancelledWith(
  source: { readonly ended: Promise<SourceEnd> },
  reason: unknown,
): Promise<void> {
  const end = await fulfils(source.ended, "the cancel of the source");
  if (end.how !== "cancelled") fail(`Cannot cancel the source: it was ${end.how}`);
  if (end.reason === reason) return;
  fail(`Cannot carry the reason to the source: got ${String(end.reason)}`);
}

async function closedWithAll<In, Out>(rig: Rig<In, Out>, sink: ScriptedSink<Out>): Promise<void> {
  const { how } = await fulfils(sink.ended, "the close of the sink");
  if (how !== "closed") fail(`Cannot close the sink: it was ${how}`);
  for (const chunk of sink.chunks) rig.expect(chunk);
  rig.expectAll();
}
