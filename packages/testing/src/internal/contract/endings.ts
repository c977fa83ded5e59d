import { fail, fulfils, rejectsWith, settles } from "../claims.ts";
import type { Behaviours } from "./behaviour.ts";

/** What the end of one side does to the other. */
export function endings<In, Out>(): Behaviours<In, Out> {
  return {
    "delivers what is queued, then closes": async (rig) => {
      const [writer, reader] = [rig.writer(), rig.reader()];
      await rig.fill(writer);
      const closing = rig.track("writer.close()", writer.close());
      await rig.readAll(reader);
      await rig.readEnd(reader);
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
      await rig.readEnd(reader);
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
