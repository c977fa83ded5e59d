import { serverHeader } from "../../clients/frames.ts";

/** What a packet of telemetry has. */
export const MESSAGE_BYTES = 250;

/** The one message that everybody sends, made beforehand so that nobody pays for it. */
export const message: Buffer = Buffer.alloc(MESSAGE_BYTES, "spillway");

/** The same as a frame. */
export const messageFrame: Buffer = Buffer.concat([serverHeader(MESSAGE_BYTES), message]);
