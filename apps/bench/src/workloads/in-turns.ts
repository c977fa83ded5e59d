/** Bursts of what `make` makes, each in a turn of its own. */
export async function inTurns<T>(
  bursts: number,
  burst: number,
  make: () => T,
  publish: (message: T) => void,
): Promise<void> {
  for (let done = 0; done < bursts; done++) {
    // All at once, as they come in: what has to wait for the others of its turn is older for it.
    for (const message of Array.from({ length: burst }, make)) publish(message);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
