import { scriptedSink } from "../../scripted-sink.ts";
import { fail, fulfils, rejectsWith } from "../claims.ts";
import { steady } from "../fill.ts";
import type { SourceRig } from "../source-rig.ts";
import { MANY } from "./behaviour.ts";
import { cancelledWith } from "./pipes.ts";

type Cases<T, Out> = Record<string, (rig: SourceRig<T, Out>) => Promise<void>>;

/** What a readable does that loses nothing. */
export function sourceCases<T, Out>(): Cases<T, Out> {
  return { ...reading<T, Out>(), ...ending<T, Out>(), ...piping<T, Out>() };
}

function reading<T, Out>(): Cases<T, Out> {
  return {
    "gives every chunk in order": async (rig) => {
      const reader = rig.reader();
      for (let index = 0; index < MANY; index += 1) await rig.read(reader);
      rig.origin.close();
      await rig.readToEnd(reader);
    },

    "gives to reads that were waiting": async (rig) => {
      const reader = rig.reader();
      const reads = Array.from({ length: 3 }, () => rig.track("a read", reader.read()));
      for (const read of reads) {
        const { value } = await fulfils(read, "a read that was waiting");
        rig.order.expect(value as Out);
      }
      rig.origin.close();
      await rig.readToEnd(reader);
    },

    "asks for more only when it is read": async (rig) => {
      await steady(rig.origin);
      rig.holds(0, "with nobody reading");
      const reader = rig.reader();
      for (let index = 0; index < 3; index += 1) {
        await rig.read(reader);
        await steady(rig.origin);
        rig.holds(0, `when ${index + 1} were read`);
      }
      rig.origin.close();
      await rig.readToEnd(reader);
    },

    "hands its lock on": async (rig) => {
      const first = rig.reader();
      await rig.read(first);
      first.releaseLock();
      const reader = rig.reader();
      await rig.read(reader);
      rig.origin.close();
      await rig.readToEnd(reader);
    },
  };
}

function ending<T, Out>(): Cases<T, Out> {
  return {
    "gives what it holds, then closes": async (rig) => {
      await steady(rig.origin);
      rig.origin.close();
      const reader = rig.reader();
      await rig.readToEnd(reader);
      await fulfils(reader.closed, "reader.closed");
    },

    "errors with the reason of what is behind": async (rig) => {
      const reason = new Error("The origin breaks");
      const reader = rig.reader();
      await rig.read(reader);
      await steady(rig.origin);
      rig.origin.error(reason);
      const consume = async (): Promise<void> => {
        for (;;) {
          const { done, value } = await reader.read();
          if (done) return;
          rig.order.expect(value);
        }
      };
      await rejectsWith(rig.track("the consumer", consume()), reason, "the consumer");
      await rejectsWith(reader.closed, reason, "reader.closed");
    },

    "carries a cancel to what is behind": async (rig) => {
      const reason = new Error("The consumer leaves");
      const reader = rig.reader();
      await rig.read(reader);
      await fulfils(reader.cancel(reason), "reader.cancel()");
      await cancelledWith(rig.origin, reason);
      await fulfils(reader.closed, "reader.closed");
    },

    "carries a cancel when nothing was read": async (rig) => {
      const reason = new Error("The consumer leaves");
      await fulfils(rig.readable.cancel(reason), "readable.cancel()");
      await cancelledWith(rig.origin, reason);
    },

    "settles waiting reads when it is cancelled": async (rig) => {
      const reason = new Error("The consumer leaves");
      const reader = rig.reader();
      for (let count = 0; count < 3; count += 1) void rig.track("a waiting read", reader.read());
      await fulfils(reader.cancel(reason), "reader.cancel()");
      await cancelledWith(rig.origin, reason);
    },

    "ends when an iteration is left": async (rig) => {
      const leave = async (): Promise<void> => {
        for await (const chunk of rig.readable) {
          rig.order.expect(chunk);
          if (rig.order.received === 2) break;
        }
      };
      await fulfils(rig.track("the iteration", leave()), "the iteration");
      await cancelledWith(rig.origin, undefined);
    },
  };
}

function piping<T, Out>(): Cases<T, Out> {
  return {
    "waits for the sink of a pipe": async (rig) => {
      const sink = scriptedSink<Out>([{ take: 3 }, "stall"]);
      const piped = rig.track("the pipe", rig.readable.pipeTo(sink.writable));
      await steady(rig.origin);
      for (const chunk of sink.chunks) rig.order.expect(chunk);
      rig.holds(1, "with a sink that stalls");
      rig.origin.close();
      sink.release();
      await fulfils(piped, "the pipe");
      for (const chunk of sink.chunks.slice(rig.order.received)) rig.order.expect(chunk);
      rig.order.expectAll();
      if (sink.end?.how !== "closed") fail("Cannot close the sink: the pipe ended without");
    },

    "carries an error of the sink of a pipe": async (rig) => {
      const reason = new Error("The sink breaks");
      const sink = scriptedSink<Out>([{ take: 3 }, { error: reason }]);
      const piped = rig.track("the pipe", rig.readable.pipeTo(sink.writable));
      await rejectsWith(piped, reason, "the pipe");
      await cancelledWith(rig.origin, reason);
    },
  };
}
