import { BoundedQueue, fromIterable, map, sink } from "@spillway/streams";
import type { Batch, Chunk } from "./batch.ts";
import { nativeSink, nativeSource } from "./native.ts";

const RING = 64;

function ourSource({ chunks }: Batch): ReadableStream<Chunk> {
  return fromIterable(chunks);
}

function ourStage({ pass }: Batch): ReadableWritablePair<Chunk, Chunk> {
  return map(pass);
}

function ourSink({ take }: Batch): WritableStream<Chunk> {
  return sink({ write: take });
}

/** All ours: the pump joins the ends. */
export async function spillwayPump(batch: Batch, stages: number): Promise<void> {
  await through(ourSource(batch), batch, stages).pipeTo(ourSink(batch));
}

/** Our stages between the platform's ends. */
export async function spillwayNative(batch: Batch, stages: number): Promise<void> {
  await through(nativeSource(batch), batch, stages).pipeTo(nativeSink(batch));
}

/** A producer that minds `ready`, then our stages and our sink. */
export async function spillway(batch: Batch, stages: number): Promise<void> {
  const end = ourSink(batch);
  if (stages === 0) return produce(batch, end);
  const first = ourStage(batch);
  const rest = through(first.readable, batch, stages - 1);
  await Promise.all([produce(batch, first.writable), rest.pipeTo(end)]);
}

/** Puts without end into a ring that drops its oldest. */
export async function put(batch: Batch): Promise<number> {
  const ring = new BoundedQueue<Chunk>({ maxChunks: RING, overflow: "drop-oldest" });
  for (const chunk of batch.chunks) ring.offer(chunk);
  for (let entry = ring.shift(); entry; entry = ring.shift()) batch.take(entry.chunk);
  return ring.stats().dropped.chunks;
}

/** Reads a ring with `for await`; it is filled again whenever it is empty. */
export async function forAwait(batch: Batch): Promise<number> {
  const ring = new BoundedQueue<Chunk>({ maxChunks: RING, overflow: "drop-oldest" });
  for await (const chunk of emptied(ring, batch.chunks[Symbol.iterator]())) batch.take(chunk);
  return ring.stats().dropped.chunks;
}

function through(
  source: ReadableStream<Chunk>,
  batch: Batch,
  stages: number,
): ReadableStream<Chunk> {
  let readable = source;
  for (let stage = 0; stage < stages; stage++) readable = readable.pipeThrough(ourStage(batch));
  return readable;
}

async function produce({ chunks }: Batch, writable: WritableStream<Chunk>): Promise<void> {
  const writer = writable.getWriter();
  for (const chunk of chunks) {
    await writer.ready;
    // Its failure is the pipe's, and `ready`'s.
    writer.write(chunk).catch(() => {});
  }
  await writer.close();
}

async function* emptied(
  ring: BoundedQueue<Chunk>,
  source: Iterator<Chunk>,
): AsyncGenerator<Chunk, void> {
  for (;;) {
    for (let next = source.next(); !next.done; next = source.next()) {
      ring.offer(next.value);
      if (ring.length === RING) break;
    }
    if (ring.length === 0) return;
    for (let entry = ring.shift(); entry; entry = ring.shift()) yield entry.chunk;
  }
}
