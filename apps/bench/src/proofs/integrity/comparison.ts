import { type Checkpoint, MARK_DIGITS } from "./checkpoint.ts";

/** Where what arrived begins to differ. */
export interface Difference {
  /** The first message that is not as it was sent, from 1. */
  readonly message: number;
  readonly what: "another" | "missing" | "surplus";
}

/** Compares the accounts of both sides, checkpoint by checkpoint, as they come in. */
export class Comparison {
  readonly #sent: Checkpoint[] = [];
  readonly #received: Checkpoint[] = [];
  #compared = 0;

  /** @returns the difference, once there is one */
  sent(checkpoint: Checkpoint): Difference | undefined {
    this.#sent.push(checkpoint);
    return this.#look();
  }

  /** @returns the difference, once there is one */
  received(checkpoint: Checkpoint): Difference | undefined {
    this.#received.push(checkpoint);
    return this.#look();
  }

  /** Both have told their last. @returns the difference, if there is one */
  end(): Difference | undefined {
    const found = this.#look();
    if (found) return found;
    const before = this.#sent[this.#compared - 1]?.messages ?? 0;
    if (this.#sent.length > this.#compared) return { message: before + 1, what: "missing" };
    if (this.#received.length > this.#compared) return { message: before + 1, what: "surplus" };
    return undefined;
  }

  #look(): Difference | undefined {
    for (; ; this.#compared++) {
      const sent = this.#sent[this.#compared];
      const received = this.#received[this.#compared];
      if (!sent || !received) return undefined;
      if (sent.messages === received.messages && sent.hash === received.hash) continue;
      const before = this.#sent[this.#compared - 1]?.messages ?? 0;
      return difference(before, sent.marks, received.marks);
    }
  }
}

function difference(before: number, sent: string, received: string): Difference {
  for (let at = 0; ; at += MARK_DIGITS) {
    const message = before + at / MARK_DIGITS + 1;
    const wanted = sent.slice(at, at + MARK_DIGITS);
    const got = received.slice(at, at + MARK_DIGITS);
    if (got === "" && wanted !== "") return { message, what: "missing" };
    if (wanted === "" && got !== "") return { message, what: "surplus" };
    if (wanted !== got) return { message, what: "another" };
    // Marks are short; that all of them are right and the hash is not, is all but impossible.
    if (wanted === "") return { message: before + 1, what: "another" };
  }
}
