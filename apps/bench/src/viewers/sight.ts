import type { Ages } from "../clients/ages.ts";
import type { Glimpse } from "./protocol.ts";

/** What comes of one stream, in whole messages with a stamp. */
export class Sight {
  bytes = 0;
  readonly #ages: Ages;
  #bytesBefore = 0;
  #oldestMs: number | undefined;

  /** @param ages - where all ages go */
  constructor(ages: Ages) {
    this.#ages = ages;
  }

  /** @returns its age in milliseconds */
  take(message: Uint8Array): number {
    const ageMs = this.#ages.take(message, 0, message.byteLength);
    if (ageMs === undefined) throw new Error("Cannot tell the age of a message: it has no stamp");
    this.bytes += message.byteLength;
    this.#oldestMs = Math.max(this.#oldestMs ?? 0, ageMs);
    return ageMs;
  }

  /** What came since the last call. */
  glimpse(): Glimpse {
    const bytes = this.bytes - this.#bytesBefore;
    const ageMs = this.#oldestMs;
    this.#bytesBefore = this.bytes;
    this.#oldestMs = undefined;
    return { bytes, ageMs };
  }
}
