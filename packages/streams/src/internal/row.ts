import { EMPTY, type Relay, type Stepper } from "./protocol.ts";
import type { Pump } from "./pump.ts";

/**
 * Stages in a row, with pumps between them: a chunk is carried through all of them in one loop, where it
 * would go through six calls within calls for each. The pumps are claimed meanwhile, so that no chunk
 * overtakes it; users see the same calls in the same order.
 */
export class Row {
  /** One in front of each stage, and one behind the last, which is not claimed. */
  readonly #pumps: Pump<unknown>[] = [];
  readonly #stages: Relay[] = [];
  /** Of the stages, at hand for every chunk. */
  readonly #steppers: Stepper<unknown, unknown>[] = [];
  #length = 0;
  #steps = 0;

  /** Claims `head` and what follows, as far as chunks can go through; `false` if they cannot. */
  claim<T>(head: Pump<T>): boolean {
    let pump = head as unknown as Pump<unknown>;
    let length = 0;
    for (;;) {
      const stage = pump.relay;
      const next = stage?.isIdle && stage.readable.pump;
      this.#pumps[length] = pump;
      if (!next || !pump.isOpen || !next.isOpen) break;
      pump.claim();
      this.#stages[length] = stage;
      this.#steppers[length++] = stage.stepper;
      pump = next;
    }
    this.#length = length;
    return length > 0;
  }

  /** Carries a chunk as far as it goes; `false` when something is in the way of the next. */
  carry(chunk: unknown): boolean {
    let pump = this.#pumps[0] as Pump<unknown>;
    let value = chunk;
    let at = 0;
    try {
      for (;;) {
        const next = this.#pumps[at + 1] as Pump<unknown>;
        if (!next.isClear && !this.#stages[at]?.hasRoom) return pump.hold(value);
        const made = (this.#steppers[at] as Stepper<unknown, unknown>).step(value);
        if (made === EMPTY) return this.#pause(at++, value);
        if (++at === this.#length) return next.push(made) || this.#leave(at, made);
        if (!next.isClaimed) return this.#leave(at, made);
        pump = next;
        value = made;
      }
    } catch (error) {
      (this.#stages[at] as Relay).fail(error);
      return false;
    } finally {
      this.#steps += at;
    }
  }

  /** Lets the pumps go, the last first, as calls within calls return; tells how many steps were done. */
  release(): number {
    const steps = this.#steps;
    this.#steps = 0;
    for (let at = this.#length - 1; at >= 0; at--) {
      (this.#pumps[at] as Pump<unknown>).release(at > 0 && steps > 0);
    }
    return steps;
  }

  /** Nothing came of a chunk; or nothing yet, and that is a write under way. */
  #pause(at: number, chunk: unknown): boolean {
    const stage = this.#stages[at] as Relay;
    const written = stage.stepper.takeWritten();
    if (written) (this.#pumps[at] as Pump<unknown>).wait(chunk, written);
    return stage.isIdle;
  }

  /** Leaves a chunk behind a stage, where nobody wants it any more. */
  #leave(at: number, chunk: unknown): false {
    const stage = this.#stages[at - 1] as Relay;
    try {
      stage.emit(chunk);
    } catch (error) {
      stage.fail(error);
    }
    return false;
  }
}
