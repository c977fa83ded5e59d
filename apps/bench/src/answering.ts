/** What a process says to the one that started it. */
export type Reply =
  | { readonly kind: "answer"; readonly value: unknown }
  | Failure
  /** Told without being asked. */
  | { readonly kind: "notice"; readonly value: unknown };

/** Why there is no answer. */
export interface Failure {
  readonly kind: "failed";
  readonly why: string;
  readonly code?: string | undefined;
  /** Where it happened. */
  readonly stack?: string | undefined;
}

/** Answers what the process that started this one asks, and ends with it. */
export function answering(answer: (ask: never) => Promise<unknown>): void {
  process.on("message", (ask) => {
    void answer(ask as never)
      .then((value): Reply => ({ kind: "answer", value }), failure)
      .then(reply);
  });
  // Whoever asked is gone, however it went.
  process.on("disconnect", () => process.exit());
}

/** Tells the process that started this one what it did not ask for. */
export function notice(value: unknown): void {
  reply({ kind: "notice", value });
}

function reply(what: Reply): void {
  process.send?.(what);
}

function failure(error: unknown): Failure {
  const { code, message, stack } = error as NodeJS.ErrnoException;
  return { kind: "failed", why: message, code, stack };
}
