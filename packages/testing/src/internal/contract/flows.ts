import { fulfils } from "../claims.ts";
import { type Behaviours, MANY } from "./behaviour.ts";

/** Chunks on their way, and who waits for whom. */
export function flows<In, Out>(): Behaviours<In, Out> {
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
      await rig.readEnd(reader);
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
      await rig.readEnd(reader);
    },

    "holds the producer until the consumer reads": async (rig) => {
      const [writer, reader] = [rig.writer(), rig.reader()];
      await rig.fill(writer);
      await rig.readAll(reader);
      await fulfils(rig.track("writer.ready", writer.ready), "writer.ready after a stall");
      void rig.track("writer.close()", writer.close());
      await rig.readEnd(reader);
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
      await rig.readEnd(reader);
    },
  };
}
