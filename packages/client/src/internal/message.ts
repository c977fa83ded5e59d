/** A message as the application sees it: text as a string, binary as bytes of its own. */
export type ReceivedMessage = string | Uint8Array<ArrayBuffer>;

/** What can be written. Bytes are copied when they are written. */
export type SentMessage = string | ArrayBuffer | ArrayBufferView;

/** Bytes of payload; text counts as UTF-8. */
export function byteLength(message: SentMessage): number {
  return typeof message === "string" ? utf8Length(message) : message.byteLength;
}

/** What is sent for a chunk: bytes are bytes, all else is text, as the proposal has it. */
export function toMessage(chunk: unknown): SentMessage {
  if (ArrayBuffer.isView(chunk) || isArrayBuffer(chunk)) return chunk;
  // As Web IDL converts it: `String()` takes a symbol.
  return `${chunk as number}`;
}

/** Also of another realm. */
function isArrayBuffer(chunk: unknown): chunk is ArrayBuffer {
  return Object.prototype.toString.call(chunk) === "[object ArrayBuffer]";
}

/** A message whose bytes cannot change any more. */
export function snapshot(message: SentMessage): SentMessage {
  if (typeof message === "string") return message;
  if (!ArrayBuffer.isView(message)) return message.slice(0);
  return new Uint8Array(message.buffer, message.byteOffset, message.byteLength).slice();
}

/** Without encoding it: a lone surrogate is sent as U+FFFD. */
function utf8Length(text: string): number {
  let bytes = text.length;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    if (unit < 0x80) continue;
    bytes += unit < 0x800 ? 1 : 2;
    // A pair has four bytes, and two units.
    if (unit < 0xd800 || unit > 0xdbff) continue;
    const next = text.charCodeAt(index + 1);
    if (next < 0xdc00 || next > 0xdfff) continue;
    index++;
  }
  return bytes;
}
