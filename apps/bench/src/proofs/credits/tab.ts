/** A page in a browser, which may be in trouble. */
export interface Tab {
  /** `firefox 153.7.0`, as it says itself. */
  readonly name: string;
  /** Rejects when it is gone before it is closed. */
  readonly broken: Promise<never>;
  /** @returns what the expression is, as JSON has it */
  evaluate(expression: string): Promise<unknown>;
  /** Puts the page to sleep, or wakes it; `undefined` where the browser knows no such command. */
  readonly setFrozen: ((isFrozen: boolean) => Promise<void>) | undefined;
  /** Memory of all its processes, what they share counted once; `undefined` where nothing tells. */
  residentBytes(): Promise<number | undefined>;
  /** What the scripts of the page have in use, once garbage is gone; `undefined` where nothing tells. */
  readonly heapBytes: (() => Promise<number>) | undefined;
  /** Ends the browser. */
  close(): Promise<void>;
}

/** Starts a browser. @throws `MissingPeer` */
export type StartTab = () => Promise<Tab>;
