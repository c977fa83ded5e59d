import { Readable, Transform, Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Batch } from "./batch.ts";

/** Node's own streams in object mode, filled as far as they ask: `Readable.from()` is slower. */
export async function nodeObjects(batch: Batch, stages: number): Promise<void> {
  await pipeline([
    source(batch),
    ...Array.from({ length: stages }, () => stage(batch)),
    sink(batch),
  ]);
}

function source({ chunks }: Batch): Readable {
  const iterator = chunks[Symbol.iterator]();
  return new Readable({
    objectMode: true,
    read() {
      for (let next = iterator.next(); ; next = iterator.next()) {
        if (!this.push(next.done ? null : next.value)) return;
      }
    },
  });
}

function stage({ pass }: Batch): Transform {
  return new Transform({
    objectMode: true,
    transform(chunk, _encoding, callback) {
      callback(null, pass(chunk));
    },
  });
}

function sink({ take }: Batch): Writable {
  return new Writable({
    objectMode: true,
    write(chunk, _encoding, callback) {
      take(chunk);
      callback();
    },
  });
}
