import { constants, deflateRaw, deflateRawSync } from "node:zlib";
import type { WebSocket } from "ws";

/** Bytes from which a message is compressed unless it says otherwise, as with `ws`. */
const MIN_BYTES = 1_024;
/** What ends a flush, and is left out: RFC 7692 section 7.2.1. */
const TAIL_BYTES = 4;

/** Whether a message is compressed where the peer has agreed to it. */
export function isDeflated(byteLength: number, compress: boolean | undefined): boolean {
  return compress ?? byteLength >= MIN_BYTES;
}

/**
 * Compresses a message by itself, whatever came before it: right for every peer that has agreed to a
 * window of that size, as long as nobody sends it what refers to earlier messages.
 *
 * @returns `undefined` when it would be no smaller
 */
export function deflate(payload: Uint8Array, windowBits: number): Uint8Array | undefined {
  return trimmed(deflateRawSync(payload, options(windowBits)), payload);
}

/** The same off this thread, for large messages. */
export async function deflateLater(
  payload: Uint8Array,
  windowBits: number,
): Promise<Uint8Array | undefined> {
  return new Promise((resolve) => {
    deflateRaw(payload, options(windowBits), (error, packed) =>
      // Nobody needs to compress.
      resolve(error ? undefined : trimmed(packed, payload)),
    );
  });
}

/** The window that a peer of `socket` has agreed to, if any. */
export function windowBitsOf(socket: WebSocket): number | undefined {
  // `ws` has no public word for it. Where this one is gone, `ws` compresses as before.
  const { _extensions: extensions } = socket as unknown as {
    readonly _extensions?: Record<string, { params?: { server_max_window_bits?: unknown } }>;
  };
  const params = extensions?.["permessage-deflate"]?.params;
  if (!params) return undefined;
  const { server_max_window_bits: bits = constants.Z_MAX_WINDOWBITS } = params;
  // A raw stream with less than 9 is beyond zlib.
  return typeof bits === "number" && bits > constants.Z_MIN_WINDOWBITS ? bits : undefined;
}

function options(windowBits: number): { windowBits: number; finishFlush: number } {
  return { windowBits, finishFlush: constants.Z_SYNC_FLUSH };
}

function trimmed(packed: Uint8Array, payload: Uint8Array): Uint8Array | undefined {
  const byteLength = packed.byteLength - TAIL_BYTES;
  return byteLength < payload.byteLength ? packed.subarray(0, byteLength) : undefined;
}
