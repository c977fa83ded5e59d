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
   * The most chunks the pair may ask for while nobody reads.
   *
   * @defaultValue `64`
   */
  readonly maxHeldChunks?: number | undefined;
}
