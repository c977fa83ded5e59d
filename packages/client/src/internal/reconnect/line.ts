import { Gap } from "@spillway/streams";

/** A gap, and how many messages of its lane came before it. */
interface Mark {
  readonly at: number;
  readonly gap: Gap;
}

/** What has come on a lane of one connection, and where the server says that messages are missing. */
export class Line {
  /** The server's number of the lane, once it has one. */
  number: number | undefined;
  /** The server has said that no more will come. */
  isEnded = false;
  /** Called when there is a gap to be told of. */
  onGap: (() => void) | undefined;
  #received = 0;
  #taken = 0;
  /** Never more of them than messages between which they can be, and one. */
  readonly #marks: Mark[] = [];

  receive(): void {
    this.#received++;
  }

  /** So many messages were read, or discarded. */
  take(messages: number): void {
    this.#taken += messages;
  }

  miss(messages: number): void {
    const last = this.#marks.at(-1);
    const isSamePlace = last?.at === this.#received;
    if (isSamePlace) this.#marks.pop();
    const dropped = messages + (isSamePlace ? last.gap.dropped : 0);
    this.#marks.push({ at: this.#received, gap: new Gap(dropped, 0, "missed") });
    this.onGap?.();
  }

  /** The gap before the message that is read next. */
  takeGap(): Gap | undefined {
    const [first] = this.#marks;
    if (!first || first.at > this.#taken) return undefined;
    this.#marks.shift();
    return first.gap;
  }
}
