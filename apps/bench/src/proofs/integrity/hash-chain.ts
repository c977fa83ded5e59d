import { createHash } from "node:crypto";
import { CHECKPOINT, type Checkpoint, headOf, MARK_DIGITS, type TYPES } from "./checkpoint.ts";

/**
 * The account of all messages in their order: h = SHA-256(h ‖ SHA-256(type ‖ length ‖ payload)). Not
 * one long hash, because browsers have none that can be continued.
 */
export class HashChain {
  #hash: Buffer = Buffer.alloc(32);
  #messages = 0;
  #marks = "";

  /** @returns a checkpoint whenever one is due */
  add(type: keyof typeof TYPES, payload: Uint8Array): Checkpoint | undefined {
    const digest = createHash("sha256")
      .update(headOf(type, payload.byteLength))
      .update(payload)
      .digest();
    this.#hash = createHash("sha256").update(this.#hash).update(digest).digest();
    this.#marks += digest.toString("hex").slice(0, MARK_DIGITS);
    this.#messages++;
    return this.#messages % CHECKPOINT === 0 ? this.checkpoint() : undefined;
  }

  /** As it is; the next begins after it. */
  checkpoint(): Checkpoint {
    const marks = this.#marks;
    this.#marks = "";
    return { messages: this.#messages, hash: this.#hash.toString("hex"), marks };
  }
}
