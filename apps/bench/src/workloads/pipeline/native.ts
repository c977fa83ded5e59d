import type { Batch, Chunk } from "./batch.ts";

/** Web streams of the platform, with the marks the platform gives them. */
export async function native(batch: Batch, stages: number): Promise<void> {
  let readable = nativeSource(batch);
  for (let stage = 0; stage < stages; stage++) readable = readable.pipeThrough(nativeStage(batch));
  await readable.pipeTo(nativeSink(batch));
}

export function nativeSource({ chunks }: Batch): ReadableStream<Chunk> {
  const iterator = chunks[Symbol.iterator]();
  return new ReadableStream({
    pull(controller) {
      const next = iterator.next();
      if (next.done) controller.close();
      else controller.enqueue(next.value);
    },
  });
}

export function nativeSink({ take }: Batch): WritableStream<Chunk> {
  return new WritableStream({ write: (chunk) => take(chunk) });
}

function nativeStage({ pass }: Batch): TransformStream<Chunk, Chunk> {
  return new TransformStream({
    transform(chunk, controller) {
      controller.enqueue(pass(chunk));
    },
  });
}
