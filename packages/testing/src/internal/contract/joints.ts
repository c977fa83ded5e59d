import { scriptedSink } from "../../scripted-sink.ts";
import { settle } from "../../settle.ts";
import { fail, fulfils, rejectsWith } from "../claims.ts";
import { steady } from "../fill.ts";
import type { Rig } from "../rig.ts";
import { type Behaviours, MANY } from "./behaviour.ts";
import { cancelledWith } from "./pipes.ts";

/** What one pipe does to the two ends it joins: its locks and its options. */
export function joints<In, Out>(): Behaviours<In, Out> {
  return {
    "locks both ends of a pipe, and lets go of them": async (rig) => {
      const source = rig.source(3, "stall");
      const readable = rig.from(source);
      const { writable } = rig.pair;
      const piped = rig.track("the pipe", readable.pipeTo(writable));
      if (!readable.locked || !writable.locked) fail("Cannot lock both ends of a pipe: one is not");
      const reader = rig.reader();
      for (let index = 0; index < 3; index += 1) await rig.read(reader);
      source.close();
      await rig.readEnd(reader);
      await fulfils(piped, "the pipe");
      if (readable.locked || writable.locked) fail("Cannot unlock both ends: one is locked still");
    },

    "leaves the writable open when close is prevented": async (rig) => {
      const readable = rig.from(rig.source(3));
      const piped = readable.pipeTo(rig.pair.writable, { preventClose: true });
      void rig.track("the pipe", piped);
      const reader = rig.reader();
      for (let index = 0; index < 3; index += 1) await rig.read(reader);
      await fulfils(piped, "the pipe");
      await goesOn(rig.writer(), rig, reader);
    },

    "leaves the writable open when abort is prevented": async (rig) => {
      const reason = new Error("The source breaks");
      const source = rig.source(3, "stall");
      const piped = rig.from(source).pipeTo(rig.pair.writable, { preventAbort: true });
      void rig.track("the pipe", piped);
      const reader = rig.reader();
      for (let index = 0; index < 3; index += 1) await rig.read(reader);
      source.error(reason);
      await rejectsWith(piped, reason, "the pipe");
      await goesOn(rig.writer(), rig, reader);
    },

    "leaves the source open when cancel is prevented": async (rig) => {
      const [reason, later] = [new Error("The consumer leaves"), new Error("The end of it")];
      const source = rig.source(rig.limit + 1, "stall");
      const readable = rig.from(source);
      const piped = readable.pipeTo(rig.pair.writable, { preventCancel: true });
      void rig.track("the pipe", piped);
      await steady(source);
      await fulfils(rig.pair.readable.cancel(reason), "readable.cancel()");
      await rejectsWith(piped, reason, "the pipe");
      await settle();
      if (source.end) fail(`Cannot leave the source open: it was ${source.end.how}`);
      await fulfils(readable.cancel(later), "the cancel of what the pipe let go of");
      await cancelledWith(source, later);
    },

    // Not through a native TransformStream, which may answer a cancel that meets a write with an error
    // of its own on Node 20: https://github.com/nodejs/node/issues/62036
    "carries a refusal of the first chunk to the source": async (rig) => {
      const reason = new Error("The sink refuses");
      const source = rig.source(MANY, "stall");
      const sink = scriptedSink<Out>([{ error: reason }]);
      const [piped, drained] = [rig.pipeIn(source), rig.pipeOut(sink)];
      await rejectsWith(drained, reason, "the pipe out");
      await rejectsWith(piped, reason, "the pipe in");
      await cancelledWith(source, reason);
    },

    "ends both sides of a pipe with its signal": async (rig) => {
      const reason = new Error("The user leaves");
      const controller = new AbortController();
      const source = rig.source(3, "stall");
      const { signal } = controller;
      const piped = rig.from(source).pipeTo(rig.pair.writable, { signal });
      void rig.track("the pipe", piped);
      const reader = rig.reader();
      for (let index = 0; index < 3; index += 1) await rig.read(reader);
      controller.abort(reason);
      await rejectsWith(piped, reason, "the pipe");
      await rejectsWith(reader.closed, reason, "reader.closed");
      await cancelledWith(source, reason);
    },

    "ends both sides of a pipe whose signal is aborted already": async (rig) => {
      const reason = new Error("The user left");
      const source = rig.source(3, "stall");
      const signal = AbortSignal.abort(reason);
      const piped = rig.from(source).pipeTo(rig.pair.writable, { signal });
      void rig.track("the pipe", piped);
      await rejectsWith(piped, reason, "the pipe");
      await rejectsWith(rig.reader().closed, reason, "reader.closed");
      await cancelledWith(source, reason);
    },
  };
}

async function goesOn<In, Out>(
  writer: WritableStreamDefaultWriter<In>,
  rig: Rig<In, Out>,
  reader: ReadableStreamDefaultReader<Out>,
): Promise<void> {
  void rig.write(writer);
  await rig.read(reader);
  void rig.track("writer.close()", writer.close());
  await rig.readEnd(reader);
}
