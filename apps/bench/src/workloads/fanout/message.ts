import { stamp } from "../../clients/protocol.ts";

export const MESSAGE_BYTES = 1024;

/** A source makes every message anew; it begins with the time it was made at. */
export function makeMessage(): Buffer {
  const message = Buffer.alloc(MESSAGE_BYTES, "spillway");
  message.write(stamp());
  return message;
}
