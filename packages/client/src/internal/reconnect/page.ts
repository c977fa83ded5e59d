/** What the life of a page leads to. */
export interface PageHost {
  /** Nobody looks, or no code runs. */
  suspend(): void;
  resume(): void;
  /** It may be possible to connect now where it was not. */
  hurry(): void;
}

/** When a page wants nothing more: when it is frozen, also while it is hidden, or never by itself. */
export type Lifecycle = "page" | "visible" | "off";

/**
 * Follows the life of the page, where there is one; a worker has none, but it learns that it is online.
 *
 * @returns stops following
 * @see https://wicg.github.io/page-lifecycle/
 */
export function watchPage(lifecycle: Lifecycle, host: PageHost): () => void {
  if (lifecycle === "off") return () => {};
  const stops: (() => void)[] = [];
  const on = (target: EventTarget | undefined, type: string, listener: () => void): void => {
    target?.addEventListener?.(type, listener);
    stops.push(() => target?.removeEventListener?.(type, listener));
  };
  const { document } = globalThis as { document?: Document };
  let isFrozen = false;
  let isSuspended = false;
  const look = (): void => {
    const isHidden = document?.visibilityState === "hidden";
    const before = isSuspended;
    isSuspended = isFrozen || (isHidden && lifecycle === "visible");
    if (isSuspended && !before) host.suspend();
    if (!isSuspended && before) host.resume();
    if (!isHidden && !isFrozen) host.hurry();
  };
  const freeze = (): void => {
    isFrozen = true;
    look();
  };
  // A tab may be woken where nobody sees it.
  const wake = (): void => {
    isFrozen = false;
    look();
    host.hurry();
  };
  on(document, "freeze", freeze);
  on(document, "resume", wake);
  on(document, "visibilitychange", look);
  // Kept for when the user goes back: not every browser has the events above.
  on(globalThis, "pagehide", freeze);
  on(globalThis, "pageshow", wake);
  on(globalThis, "online", () => host.hurry());
  if (document) look();
  return () => {
    for (const stop of stops) stop();
  };
}
