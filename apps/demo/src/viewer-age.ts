import type { Connection } from "@spillway/websocket";
import type { ViewerReport } from "./flow-snapshot.ts";

/** What a viewer told last, and when, on the clock of `performance.now()`. */
interface Told {
  readonly ageMs: number;
  readonly at: number;
}

const told = new WeakMap<Connection, Told>();

/**
 * Age of the picture that a viewer shows, by what it told last: it grows until the viewer tells more, as it does in
 * front of a page that sleeps.
 *
 * @returns both in milliseconds; `undefined` for a viewer that has told nothing
 */
export function ageOf(
  connection: Connection,
): { readonly ageMs: number; readonly silentForMs: number } | undefined {
  const last = told.get(connection);
  if (!last) return undefined;
  const silentForMs = performance.now() - last.at;
  return { ageMs: last.ageMs + silentForMs, silentForMs };
}

/** Hears what a viewer tells of itself, until its connection ends. What is no report is passed over. */
export async function hearAge(connection: Connection): Promise<void> {
  for await (const message of connection.readable) {
    const ageMs = typeof message === "string" ? readAge(message) : undefined;
    if (ageMs !== undefined) told.set(connection, { ageMs, at: performance.now() });
  }
}

/** Whole milliseconds, as a page tells them; anyone may send anything. */
function readAge(text: string): number | undefined {
  try {
    const { ageMs } = JSON.parse(text) as Partial<ViewerReport>;
    return Number.isSafeInteger(ageMs) && Number(ageMs) >= 0 ? ageMs : undefined;
  } catch {
    return undefined;
  }
}
