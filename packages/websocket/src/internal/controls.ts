/** Control messages that wait for the end of a message. */
export class Controls {
  #texts: string[] = [];
  #answer: string | undefined;

  /** Goes behind those before. */
  add(text: string): void {
    this.#texts.push(text);
  }

  /** Tells what was read: in place of one that waits, as each says all. */
  answer(text: string): void {
    this.#answer = text;
  }

  /** Takes out what may go; answers only to a peer that takes what it is sent, as it asks as often as it likes. */
  take(isTaking: boolean): readonly string[] {
    const texts = this.#texts;
    if (texts.length > 0) this.#texts = [];
    if (this.#answer === undefined || !isTaking) return texts;
    const answer = this.#answer;
    this.#answer = undefined;
    return [...texts, answer];
  }
}
