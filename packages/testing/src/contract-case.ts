/** One behaviour to check. */
export interface ContractCase {
  /** What the stream does, in the present tense. */
  readonly name: string;
  /** Rejects when it does not; ends within seconds even when a promise never settles. */
  readonly run: () => Promise<void>;
}
