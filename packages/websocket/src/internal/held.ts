import { Frame, type MessageChunk } from "../frame.ts";

/** Some bytes of a memory. */
type View = Pick<ArrayBufferView, "buffer" | "byteOffset" | "byteLength">;

/** Memory that is held, each byte once however many hold it. */
export class Held {
  #bytes = 0;
  /** By the memory that they look at. */
  readonly #views = new Map<ArrayBufferLike, View[]>();

  /** Takes in bytes that nobody shares. */
  count(bytes: number): void {
    this.#bytes += bytes;
  }

  add(view: View): void {
    const views = this.#views.get(view.buffer);
    if (views) views.push(view);
    else this.#views.set(view.buffer, [view]);
  }

  addMessage(chunk: MessageChunk): void {
    if (typeof chunk === "string") this.count(Buffer.byteLength(chunk));
    else if (chunk instanceof Frame) this.add(chunk.payload);
    else if (ArrayBuffer.isView(chunk)) this.add(chunk);
    else this.add({ buffer: chunk, byteOffset: 0, byteLength: chunk.byteLength });
  }

  get bytes(): number {
    let bytes = this.#bytes;
    for (const views of this.#views.values()) bytes += covered(views);
    return bytes;
  }
}

/** Bytes of one memory that any of the views shows. */
function covered(views: View[]): number {
  let bytes = 0;
  let end = 0;
  for (const { byteOffset, byteLength } of views.sort((a, b) => a.byteOffset - b.byteOffset)) {
    bytes += Math.max(0, byteOffset + byteLength - Math.max(end, byteOffset));
    end = Math.max(end, byteOffset + byteLength);
  }
  return bytes;
}
