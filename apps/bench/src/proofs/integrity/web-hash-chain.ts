import { CHECKPOINT, type Checkpoint, headOf, MARK_DIGITS, type TYPES } from "./checkpoint.ts";

/** The same as `HashChain` with what a page has. */
export class WebHashChain {
  #hash = new Uint8Array(32);
  #messages = 0;
  #marks = "";

  /** One at a time. @returns a checkpoint whenever one is due */
  async add(type: keyof typeof TYPES, payload: Uint8Array): Promise<Checkpoint | undefined> {
    const digest = await sha256(headOf(type, payload.byteLength), payload);
    this.#hash = await sha256(this.#hash, digest);
    this.#marks += hex(digest).slice(0, MARK_DIGITS);
    this.#messages++;
    return this.#messages % CHECKPOINT === 0 ? this.checkpoint() : undefined;
  }

  /** As it is; the next begins after it. */
  checkpoint(): Checkpoint {
    const marks = this.#marks;
    this.#marks = "";
    return { messages: this.#messages, hash: hex(this.#hash), marks };
  }
}

async function sha256(first: Uint8Array, second: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  const joined = new Uint8Array(first.byteLength + second.byteLength);
  joined.set(first);
  joined.set(second, first.byteLength);
  return new Uint8Array(await crypto.subtle.digest("SHA-256", joined));
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
