/** The options of `pipeTo()`, each read once. */
export interface PipeOptions {
  readonly preventAbort: boolean;
  readonly preventCancel: boolean;
  readonly preventClose: boolean;
  readonly signal: AbortSignal | undefined;
}

/**
 * Reads options as Web IDL does: in this order, each once.
 *
 * @returns `undefined` for what the platform refuses, in its own words
 */
export function readPipeOptions(options: StreamPipeOptions | undefined): PipeOptions | undefined {
  if (options !== undefined && options !== null && Object(options) !== options) return undefined;
  const { preventAbort, preventCancel, preventClose, signal } = options ?? {};
  if (signal !== undefined && !(signal instanceof AbortSignal)) return undefined;
  return {
    preventAbort: Boolean(preventAbort),
    preventCancel: Boolean(preventCancel),
    preventClose: Boolean(preventClose),
    signal,
  };
}
