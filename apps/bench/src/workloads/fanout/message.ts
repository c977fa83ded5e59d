import { stamp } from "../../clients/protocol.ts";

export const MESSAGE_BYTES = 1024;

/** Bursts, each in a turn of its own. */
export async function inTurns(
  bursts: number,
  burst: number,
  publish: (message: Buffer) => void,
): Promise<void> {
  for (let done = 0; done < bursts; done++) {
    for (let sent = 0; sent < burst; sent++) publish(makeMessage());
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** A source makes every message anew; it begins with the time it was made at. */
function makeMessage(): Buffer {
  const message = Buffer.alloc(MESSAGE_BYTES, "spillway");
  message.write(stamp());
  return message;
}
