import { type Duplex, pipelinePromise, Readable, Transform, Writable } from "streamx";
import type { Batch, Chunk } from "./batch.ts";

/** The streams of `streamx`, filled as far as they ask. */
export async function streamx(batch: Batch, stages: number): Promise<void> {
  await pipelinePromise(
    source(batch),
    ...Array.from({ length: stages }, () => stage(batch)),
    sink(batch),
  );
}

function source({ chunks }: Batch): Readable {
  const iterator = chunks[Symbol.iterator]();
  return new Readable({
    read(callback) {
      for (let next = iterator.next(); ; next = iterator.next()) {
        if (!this.push(next.done ? null : next.value)) break;
      }
      callback(null);
    },
  });
}

function stage({ pass }: Batch): Duplex {
  return new Transform({
    transform(chunk, callback) {
      callback(null, pass(chunk as Chunk));
    },
  });
}

function sink({ take }: Batch): Writable {
  return new Writable({
    write(chunk, callback) {
      take(chunk as Chunk);
      callback(null);
    },
  });
}
