/**
 * What the proposal has, and nothing else, for the single file of those who do without the rest.
 *
 * @module
 */
export { WebSocketError } from "./web-socket-error.ts";
export { WebSocketStream } from "./web-socket-stream.ts";
