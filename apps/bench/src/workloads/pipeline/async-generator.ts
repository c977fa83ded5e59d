import type { Batch, Chunk } from "./batch.ts";

/** What many write by hand; nothing is queued anywhere. */
export async function asyncGenerator(batch: Batch, stages: number): Promise<void> {
  let chunks = source(batch);
  for (let each = 0; each < stages; each++) chunks = stage(chunks, batch);
  for await (const chunk of chunks) batch.take(chunk);
}

async function* source({ chunks }: Batch): AsyncGenerator<Chunk, void> {
  for (const chunk of chunks) yield chunk;
}

async function* stage(chunks: AsyncIterable<Chunk>, { pass }: Batch): AsyncGenerator<Chunk, void> {
  for await (const chunk of chunks) yield pass(chunk);
}
