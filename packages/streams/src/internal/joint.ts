/** What moves chunks from an end to an end; `undefined` leaves a pipe to the platform. */
export interface Joint {
  readonly pipeTo: <T>(
    source: ReadableStream<T>,
    destination: WritableStream<T>,
    options: StreamPipeOptions | undefined,
  ) => Promise<void> | undefined;
  readonly pipeThrough: <T, Out>(
    source: ReadableStream<T>,
    pair: ReadableWritablePair<Out, T>,
    options: StreamPipeOptions | undefined,
  ) => ReadableStream<Out> | undefined;
  /** Wakes sources; those that the turn has no time for in the next. To have each pipe ask for it costs more. */
  readonly wake: (them: Set<{ readonly end: { wake(): void } }>) => true;
}

let joint: Joint | undefined;

/**
 * Brings the joint. Ends do not import it themselves: a page that only has a queue or a hub between
 * foreign streams need not carry a pump.
 */
export function bringJoint(brought: Joint): void {
  joint = brought;
}

/** The joint, once something has been made that is piped into or out of. */
export function findJoint(): Joint | undefined {
  return joint;
}
