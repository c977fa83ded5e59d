/** Reads to the end, and gives all chunks. */
export async function readAll<T>(reader: ReadableStreamDefaultReader<T>): Promise<T[]> {
  const chunks: T[] = [];
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return chunks;
    chunks.push(value);
  }
}
