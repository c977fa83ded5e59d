import { fail } from "./claims.ts";

/** What was sent, and how much of it has come out, in order. */
export class Order<In, Out = In> {
  readonly sent: readonly In[];
  readonly #equals: (received: Out, sent: In) => boolean;
  #received = 0;

  constructor(sent: readonly In[], equals: (received: Out, sent: In) => boolean = Object.is) {
    this.sent = sent;
    this.#equals = equals;
  }

  get received(): number {
    return this.#received;
  }

  /** Checks that this is the chunk whose turn it is. */
  expect(received: Out): void {
    const index = this.#received;
    if (index >= this.sent.length) fail(`Cannot take chunk ${index}: it was never written`);
    if (!this.#equals(received, this.sent[index] as In)) {
      fail(`Cannot keep the order: chunk ${index} is not what was written ${index}th`);
    }
    this.#received += 1;
  }

  /** Checks that nothing is missing. */
  expectAll(): void {
    if (this.#received === this.sent.length) return;
    fail(`Cannot deliver all: got ${this.#received} chunks, want ${this.sent.length}`);
  }
}
