/** What the account of one side says after so many messages. */
export interface Checkpoint {
  /** So far, in all. */
  readonly messages: number;
  /** Of all of them, in their order. */
  readonly hash: string;
  /** Of each message since the last checkpoint, eight digits. */
  readonly marks: string;
}

/** Messages between two checkpoints. */
export const CHECKPOINT = 1000;

/** Digits of a message in `marks`: enough to tell which of them is another. */
export const MARK_DIGITS = 8;

/** As on the wire: https://www.rfc-editor.org/rfc/rfc6455#section-5.2 */
export const TYPES = { text: 1, binary: 2 } as const;

/** What a message's digest begins with: its type, and its length in bytes. */
export function headOf(type: keyof typeof TYPES, byteLength: number): Uint8Array<ArrayBuffer> {
  const head = new Uint8Array(9);
  head[0] = TYPES[type];
  new DataView(head.buffer).setBigUint64(1, BigInt(byteLength));
  return head;
}
