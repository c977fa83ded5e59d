/** A message as the application sees it: text as a string, binary as bytes of its own. */
export type ReceivedMessage = string | Uint8Array<ArrayBuffer>;

/** What can be written. Bytes belong to the connection until they have left. */
export type SentMessage = string | ArrayBuffer | ArrayBufferView;

/** Bytes of payload; text counts as UTF-8. */
export function byteLength(message: SentMessage): number {
  return typeof message === "string" ? utf8Length(message) : message.byteLength;
}

/**
 * What is sent for a chunk: bytes are bytes, all else is text, as the proposal has it.
 *
 * @throws `TypeError` for bytes that may change or go while they are sent, as browsers do
 */
export function toMessage(chunk: unknown): SentMessage {
  const isView = ArrayBuffer.isView(chunk);
  // As Web IDL converts it: `String()` takes a symbol.
  if (!isView && kindOf(chunk) !== "ArrayBuffer") return `${chunk as number}`;
  const buffer = (isView ? chunk.buffer : chunk) as ArrayBuffer & { resizable?: boolean };
  if (buffer.resizable || kindOf(buffer) !== "ArrayBuffer") {
    throw new TypeError("Cannot send bytes of a buffer that is shared or resizable");
  }
  // Memory that was transferred has no bytes; not every platform sends that.
  const message = chunk as ArrayBuffer | ArrayBufferView;
  return message.byteLength === 0 ? new ArrayBuffer(0) : message;
}

/** Also for what comes from another realm. */
function kindOf(value: unknown): string {
  return Object.prototype.toString.call(value).slice("[object ".length, -1);
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
