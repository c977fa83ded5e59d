/**
 * The ends behind Spillway's streams, for packages that make sources and sinks of their own. An end
 * is a real web stream in front of a synchronous {@link Source} or {@link Sink}: any code may read,
 * write and pipe it, and a pipe between two such ends moves chunks without a promise for each.
 *
 * @module
 */
export { type Deferred, deferred, ignore } from "./internal/deferred.ts";
export { ReadableEnd } from "./internal/readable-end.ts";
export { EndWriter, WritableEnd } from "./internal/writable-end.ts";
export { fits } from "./internal/bounds.ts";
export { SizedFifo } from "./internal/fifo.ts";
export { reportUncaught } from "./internal/report.ts";
export { pumped } from "./internal/pump.ts";
export { runsOf } from "./internal/run.ts";
export { usePump } from "./internal/use-pump.ts";
export { EMPTY, type Sink, type Source } from "./internal/protocol.ts";
