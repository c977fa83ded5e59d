import { stamp } from "../../clients/protocol.ts";

/** 4 Mbit/s at 30 pictures a second. */
const FPS = 30;
const PICTURE_BYTES = 16_667;

/** A picture of now. */
export function picture(): Buffer {
  const bytes = Buffer.alloc(PICTURE_BYTES);
  bytes.write(stamp());
  return bytes;
}

/** Calls `show` with one picture after the other, by the clock; the function it returns ends that. */
export function film(show: (picture: Buffer) => void): () => void {
  const startedAt = performance.now();
  let shown = 0;
  const timer = setInterval(() => {
    const due = ((performance.now() - startedAt) / 1_000) * FPS;
    for (; shown < due; shown++) show(picture());
  }, 5);
  return () => clearInterval(timer);
}

/** Pictures as fast as they are taken. */
export function* flood(): Generator<Buffer> {
  for (;;) yield picture();
}
