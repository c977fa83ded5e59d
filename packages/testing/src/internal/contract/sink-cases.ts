import { isSettled } from "../../is-settled.ts";
import type { SinkEnd } from "../../scripted-sink.ts";
import { fail, fulfils, rejectsWith, settles } from "../claims.ts";
import { steady } from "../fill.ts";
import type { SinkRig } from "../sink-rig.ts";
import { MANY } from "./behaviour.ts";
import { cancelledWith } from "./pipes.ts";

type Cases<T, Out> = Record<string, (rig: SinkRig<T, Out>) => Promise<void>>;

/** What a writable does that loses nothing. */
export function sinkCases<T, Out>(): Cases<T, Out> {
  return { ...writing<T, Out>(), ...ending<T, Out>(), ...piping<T, Out>() };
}

function writing<T, Out>(): Cases<T, Out> {
  return {
    "takes every chunk in order": async (rig) => {
      const writer = rig.writer();
      for (let index = 0; index < MANY; index += 1) {
        await fulfils(rig.track("writer.ready", writer.ready), "writer.ready");
        void rig.write(writer);
      }
      await fulfils(writer.close(), "writer.close()");
      rig.expectAll();
    },

    "holds the producer while what is behind stalls": async (rig) => {
      const writer = rig.writer();
      await rig.stall(writer);
      rig.target.release();
      await fulfils(rig.track("writer.ready", writer.ready), "writer.ready after a stall");
      void rig.write(writer);
      await fulfils(writer.close(), "writer.close()");
      rig.expectAll();
    },

    "hands its lock on": async (rig) => {
      const first = rig.writer();
      await fulfils(rig.write(first), "a write");
      first.releaseLock();
      const writer = rig.writer();
      void rig.write(writer);
      await fulfils(writer.close(), "writer.close()");
      rig.expectAll();
    },
  };
}

function ending<T, Out>(): Cases<T, Out> {
  return {
    "closes behind what it holds": async (rig) => {
      const writer = rig.writer();
      await rig.stall(writer);
      const closing = rig.track("writer.close()", writer.close());
      if (await isSettled(closing)) fail("Cannot wait with close: it was settled during a stall");
      rig.target.release();
      await fulfils(closing, "writer.close()");
      await fulfils(writer.closed, "writer.closed");
      await endedAs(rig, "closed");
      rig.expectAll();
    },

    "refuses a write after close": async (rig) => {
      const writer = rig.writer();
      const closing = rig.track("writer.close()", writer.close());
      const late = await settles(writer.write(rig.sink.chunk(0)), "a write after close");
      if (late.status === "fulfilled") fail("Cannot refuse a write after close: it was fulfilled");
      await fulfils(closing, "writer.close()");
      rig.expectAll();
    },

    "carries an abort to what is behind": async (rig) => {
      const reason = new Error("The producer gives up");
      const writer = rig.writer();
      await fulfils(rig.write(writer), "a write");
      await fulfils(writer.abort(reason), "writer.abort()");
      await rejectsWith(writer.closed, reason, "writer.closed");
      await endedAs(rig, "aborted", reason);
    },

    "settles a held write when it is aborted": async (rig) => {
      const reason = new Error("The producer gives up");
      const writer = rig.writer();
      await rig.stall(writer);
      await fulfils(writer.abort(reason), "writer.abort() during a stall");
      await rig.done();
      await rejectsWith(writer.closed, reason, "writer.closed");
      await endedAs(rig, "aborted", reason);
    },

    "settles a held close when it is aborted": async (rig) => {
      const reason = new Error("The producer gives up");
      const writer = rig.writer();
      await rig.stall(writer);
      const closing = rig.track("writer.close()", writer.close());
      void rig.track("writer.abort()", writer.abort(reason));
      await rejectsWith(closing, reason, "writer.close()");
      await endedAs(rig, "aborted", reason);
    },

    "errors with the reason of what is behind": async (rig) => {
      const reason = new Error("The target breaks");
      const writer = rig.writer();
      await fulfils(rig.write(writer), "a write");
      rig.target.error(reason);
      await rejectsWith(writer.closed, reason, "writer.closed");
      await rejectsWith(writer.write(rig.sink.chunk(1)), reason, "a write after the error");
    },

    "settles a held write when what is behind breaks": async (rig) => {
      const reason = new Error("The target breaks");
      const writer = rig.writer();
      await rig.stall(writer);
      rig.target.error(reason);
      await rig.done();
      await rejectsWith(writer.closed, reason, "writer.closed");
    },
  };
}

function piping<T, Out>(): Cases<T, Out> {
  return {
    "takes a pipe and closes": async (rig) => {
      const piped = rig.source(MANY).readable.pipeTo(rig.sink.writable);
      await fulfils(rig.track("the pipe", piped), "the pipe");
      await endedAs(rig, "closed");
      rig.expectAll();
    },

    "holds the source of a pipe": async (rig) => {
      const source = rig.source(rig.limit + MANY);
      rig.target.stall();
      const piped = rig.track("the pipe", source.readable.pipeTo(rig.sink.writable));
      await steady(source);
      if (source.sent.length > rig.limit) {
        fail(`Cannot hold the source: more than ${rig.limit} chunks were pulled during a stall`);
      }
      rig.target.release();
      await fulfils(piped, "the pipe");
      rig.expectAll();
    },

    "carries an error of the source of a pipe": async (rig) => {
      const reason = new Error("The source breaks");
      const piped = rig.source(3, { error: reason }).readable.pipeTo(rig.sink.writable);
      await rejectsWith(rig.track("the pipe", piped), reason, "the pipe");
      await endedAs(rig, "aborted", reason);
    },

    "carries an error of what is behind to the source of a pipe": async (rig) => {
      const reason = new Error("The target breaks");
      const source = rig.source(3, "stall");
      const piped = rig.track("the pipe", source.readable.pipeTo(rig.sink.writable));
      await steady(source);
      rig.target.error(reason);
      await rejectsWith(piped, reason, "the pipe");
      await cancelledWith(source, reason);
    },
  };
}

async function endedAs<T, Out>(
  rig: SinkRig<T, Out>,
  how: SinkEnd["how"],
  reason?: unknown,
): Promise<void> {
  const end = await fulfils(rig.target.ended, "the end of what is behind");
  if (end.how !== how) fail(`Cannot carry the end on: what is behind is ${end.how}, want ${how}`);
  if (end.reason !== reason) {
    fail(`Cannot carry the reason to what is behind: got ${String(end.reason)}`);
  }
}
