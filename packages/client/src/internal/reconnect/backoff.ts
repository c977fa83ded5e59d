/** How the last connection, or attempt, ended. */
export interface LinkEnd {
  readonly closeCode: number | null;
  readonly reason: string;
  /** Milliseconds for which it was open. */
  readonly ageMs: number;
}

/** Bounds of the waits between attempts. */
export interface BackoffSettings {
  readonly firstDelayMs: number;
  readonly maxDelayMs: number;
}

/** Milliseconds after which a connection counts as one that works. */
const LASTING_MS = 10_000;
/** How many times longer a server that is busy is left alone at first. */
const BUSY_FACTOR = 16;
/** A server may ask for no longer wait than an hour; timers cannot count to any number either. */
const MAX_HINT_MS = 3_600_000;
const MAX_DOUBLINGS = 30;

/** What no repetition changes: the codes of RFC 6455 that blame what we say, and those of applications. */
const FINAL_CODES: ReadonlySet<number> = new Set([1000, 1002, 1003, 1007, 1008, 1009, 1010]);
/** The server tells all its clients at the same time. */
const SHARED_CODES: ReadonlySet<number> = new Set([1001, 1012, 1013]);

/** Whether to connect again after a connection that ended so. */
export function isRetried({ closeCode }: Pick<LinkEnd, "closeCode">): boolean {
  const code = closeCode ?? 1006;
  return !FINAL_CODES.has(code) && (code < 3000 || code > 4999);
}

/** Waits that grow, each a random part of what it could be, so that clients which lost one server do not come back at once. */
export class Backoff {
  readonly #settings: BackoffSettings;
  #attempts = 0;

  constructor(settings: BackoffSettings) {
    this.#settings = settings;
  }

  /** Attempts since a connection last worked. */
  get attempts(): number {
    return this.#attempts;
  }

  /** Another attempt is made. */
  begin(): void {
    this.#attempts++;
  }

  /** What was open has worked. */
  forgive({ ageMs }: LinkEnd): void {
    if (ageMs >= LASTING_MS) this.#attempts = 0;
  }

  /** Milliseconds to wait before the next attempt, and whether the server has asked for it. */
  delayAfter({ closeCode, reason }: LinkEnd): { delayMs: number; isAskedFor: boolean } {
    const random = Math.random();
    const hintMs = readRetryAfter(reason);
    if (hintMs !== undefined) return { delayMs: hintMs * (1 + random / 2), isAskedFor: true };
    const { firstDelayMs, maxDelayMs } = this.#settings;
    const doublings = Math.min(Math.max(0, this.#attempts - 1), MAX_DOUBLINGS);
    const mostMs = firstDelayMs * 2 ** doublings;
    if (closeCode === 1013) {
      const busyMs = Math.min(maxDelayMs, mostMs * BUSY_FACTOR);
      return { delayMs: (busyMs / 2) * (1 + random), isAskedFor: true };
    }
    const isFirst = this.#attempts === 0 && !SHARED_CODES.has(closeCode ?? 1006);
    return {
      delayMs: isFirst ? 0 : random * Math.min(maxDelayMs, mostMs),
      isAskedFor: false,
    };
  }
}

/** Milliseconds that the reason of a Close frame asks a client to wait: `overloaded; retry-after=5`. */
function readRetryAfter(reason: string): number | undefined {
  const seconds = /(?:^|; )retry-after=(\d{1,9})$/u.exec(reason)?.[1];
  return seconds === undefined ? undefined : Math.min(Number(seconds) * 1_000, MAX_HINT_MS);
}
