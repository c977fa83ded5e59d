/**
 * Bounds what pumps do without letting the event loop turn. Pumps call one another, so one account
 * serves them all: it starts with the outermost call.
 */

/** Chunks between two looks at the clock. */
const CHUNKS_PER_LOOK = 64;
/** Milliseconds a run may last; half a frame at 120 Hz. */
const MAX_RUN_MS = 4;

let depth = 0;
let chunks = 0;
let startedAt = 0;

export function enterTurn(): void {
  if (depth++ === 0) chunks = 0;
}

export function leaveTurn(): void {
  depth--;
}

/** Whether the run that moves one more chunk has lasted long enough. */
export function isTurnOver(): boolean {
  if (++chunks % CHUNKS_PER_LOOK !== 0) return false;
  const now = performance.now();
  if (chunks === CHUNKS_PER_LOOK) startedAt = now;
  return now - startedAt > MAX_RUN_MS;
}

// Taken now: a pump that yields must go on under fake timers, too.
const { setImmediate } = globalThis as { setImmediate?: (callback: () => void) => unknown };
let channel: MessageChannel | undefined;
const waiting: (() => void)[] = [];

/** Runs `callback` once the event loop has turned. */
export function afterTurn(callback: () => void): void {
  if (setImmediate) {
    setImmediate(callback);
    return;
  }
  // Browsers: a message is a task without the 4 ms that nested timers are held up.
  if (!channel) {
    channel = new MessageChannel();
    channel.port1.addEventListener("message", () => waiting.shift()?.());
    channel.port1.start();
  }
  waiting.push(callback);
  channel.port2.postMessage(undefined);
}
