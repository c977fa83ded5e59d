/**
 * Bounds what pumps do without letting the event loop turn. Pumps call one another, so one account
 * serves them all: it starts with the outermost call.
 */

/** Milliseconds a run may last; half a frame at 120 Hz. */
const MAX_RUN_MS = 4;
/** Chunks from the start of a run to its first look at the clock, and the most between two looks. */
const FIRST_STRIDE = 8;
const MAX_STRIDE = 64;
/** Milliseconds between two looks; chunks that take longer are looked at more often. */
const LOOK_MS = 1;

// Taken now, as `setImmediate` below: a pump must yield, and go on, under fake timers too.
const nowMs = performance.now.bind(performance);

let depth = 0;
/** Chunks from one look to the next, and how many of them are left. */
let stride = FIRST_STRIDE;
let left = 0;
let startedAt = 0;
let lookedAt = 0;

export function enterTurn(): void {
  if (depth++ > 0) return;
  if (stride > FIRST_STRIDE) stride = FIRST_STRIDE;
  left = stride;
  startedAt = 0;
}

export function leaveTurn(): void {
  depth--;
}

/** Whether the run that moves one more chunk has lasted long enough. */
export function isTurnOver(): boolean {
  return --left <= 0 && look();
}

function look(): boolean {
  const now = nowMs();
  if (startedAt === 0) startedAt = now;
  else stride = now - lookedAt > LOOK_MS ? stride >> 1 || 1 : Math.min(stride << 1, MAX_STRIDE);
  lookedAt = now;
  left = stride;
  return now - startedAt > MAX_RUN_MS;
}

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
