/** One line on stderr that says what runs: it changes on a terminal, and is left out of a log. */
export class StatusLine {
  readonly #isLive = process.stderr.isTTY;

  /** What begins: a log gets that alone. */
  begin(text: string): void {
    if (!this.#isLive) process.stderr.write(`${text}\n`);
  }

  show(text: string): void {
    if (this.#isLive) process.stderr.write(`\r\u001B[K${text}`);
  }

  /** Makes room for what is printed next. */
  clear(): void {
    if (this.#isLive) process.stderr.write("\r\u001B[K");
  }
}
