import { stamp } from "../../clients/protocol.ts";

export const MESSAGE_BYTES = 1024;

/** Bursts, each in a turn of its own. */
export async function inTurns(
  bursts: number,
  burst: number,
  publish: (message: Buffer) => void,
): Promise<void> {
  for (let done = 0; done < bursts; done++) {
    // All at once, as they come in: what has to wait for the others of its turn is older for it.
    for (const message of Array.from({ length: burst }, makeMessage)) publish(message);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** A source makes every message anew; it begins with the time it was made at. */
function makeMessage(): Buffer {
  const message = Buffer.alloc(MESSAGE_BYTES, "spillway");
  message.write(stamp());
  return message;
}
