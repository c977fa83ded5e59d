/** A TransformStream-shaped pair, and how to feed it. */
export interface ContractPair<In, Out = In> {
  readonly readable: ReadableStream<Out>;
  readonly writable: WritableStream<In>;
  /** Makes the chunk to write as number `index`, from 0. */
  readonly chunk: (index: number) => In;
  /**
   * Tells whether a chunk read is the chunk written.
   *
   * @defaultValue `Object.is`
   */
  readonly equals?: ((received: Out, sent: In) => boolean) | undefined;
  /**
   * The most chunks the pair may ask for while nobody reads; with `wrapSource` or `wrapSink`, those
   * that they hold as well.
   *
   * @defaultValue `64`
   */
  readonly maxHeldChunks?: number | undefined;
  /**
   * Makes the source of a pipe one of the pair's own library, where two of its streams know a
   * shorter way to each other: for instance `(source) => source.pipeThrough(stage())`.
   *
   * @defaultValue the native source as it is
   */
  readonly wrapSource?: ((source: ReadableStream<In>) => ReadableStream<In>) | undefined;
  /**
   * Makes the sink of a pipe one of the pair's own library; it carries close, abort and errors on.
   *
   * @defaultValue the native sink as it is
   */
  readonly wrapSink?: ((sink: WritableStream<Out>) => WritableStream<Out>) | undefined;
}
