import { reportUncaught } from "./report.ts";

/**
 * Bounds what pumps do without letting the event loop turn. Runs call one another, and promises join
 * one to the next without a turn in between: so one account serves all until the loop has turned.
 */

/** Milliseconds that pumps may take of a turn, shared by those that wait for it; half a frame at 120 Hz. */
const MAX_TURN_MS = 4;
/** Chunks from the opening of an account to the first look at the clock, and the most between two looks. */
const FIRST_STRIDE = 8;
const MAX_STRIDE = 64;
/** Milliseconds between two looks; chunks that take longer are looked at more often. */
const LOOK_MS = 1;

// Taken now, as `setImmediate` below: a pump must yield, and go on, under fake timers too.
const nowMs = performance.now.bind(performance);

/** Chunks from one look to the next, and how many of them are left. */
let stride = FIRST_STRIDE;
let left = FIRST_STRIDE;
let shareMs = MAX_TURN_MS;
/** When the account was opened; undefined before the first look. */
let openedAt: number | undefined;
let lookedAt = 0;
/** Whether the loop is asked to tell us that it has turned. */
let isTurning = false;
let waiting: (() => void)[] = [];

/** Whether the turn in which one more chunk is moved has lasted long enough. */
export function isTurnOver(): boolean {
  return --left <= 0 && look();
}

/** Runs `callback` once the event loop has turned. */
export function afterTurn(callback: () => void): void {
  waiting.push(callback);
  askToTurn();
}

function look(): boolean {
  const now = nowMs();
  if (openedAt === undefined) {
    openedAt = now;
    askToTurn();
  } else {
    stride = now - lookedAt > LOOK_MS ? stride >> 1 || 1 : Math.min(stride << 1, MAX_STRIDE);
  }
  lookedAt = now;
  const isOver = now - openedAt > shareMs;
  left = isOver ? 1 : stride;
  return isOver;
}

function askToTurn(): void {
  if (isTurning) return;
  isTurning = true;
  whenTurned(turned);
}

/** Whoever waits gets an account of its own: the first would leave nothing for the others. */
function turned(): void {
  isTurning = false;
  const callbacks = waiting;
  waiting = [];
  shareMs = MAX_TURN_MS / (callbacks.length || 1);
  openAccount();
  for (const callback of callbacks) {
    openAccount();
    try {
      callback();
    } catch (error) {
      reportUncaught(error);
    }
  }
}

function openAccount(): void {
  openedAt = undefined;
  stride = Math.min(stride, FIRST_STRIDE);
  left = stride;
}

const whenTurned = makeWhenTurned();

function makeWhenTurned(): (callback: () => void) => void {
  const { setImmediate } = globalThis as { setImmediate?: (callback: () => void) => unknown };
  if (setImmediate) return setImmediate;
  // Browsers: a message is a task without the 4 ms that nested timers are held up.
  let channel: MessageChannel | undefined;
  return (callback) => {
    if (!channel) {
      channel = new MessageChannel();
      channel.port1.addEventListener("message", callback);
      channel.port1.start();
    }
    channel.port2.postMessage(undefined);
  };
}
