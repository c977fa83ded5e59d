import { setImmediate as nextTurn } from "node:timers/promises";
import { fromIterable } from "@spillway/streams";
import { waitFor } from "@spillway/testing";
import { connectPeer } from "@spillway/testing/node";
import { expect, test } from "vitest";
import { listen, makeApp } from "./support.ts";

/** From one progress to the next of a peer that reads so slowly, kernels let more than two seconds pass. */
const RATE = 600_000;
const SECONDS = 7;

function* flood(): Generator<Uint8Array> {
  for (;;) yield new Uint8Array(60_000);
}

test(
  "a peer that reads slowly but steadily is not frozen and not evicted",
  { timeout: 30_000 },
  async () => {
    const { app } = await makeApp({ slowConsumer: { stalledForMs: 5_000 } });
    for (const [path, window] of [
      ["/window", "auto"],
      ["/kernel", false],
    ] as const) {
      const route = app.spillway.handler(({ writable }) => fromIterable(flood()).pipeTo(writable), {
        window,
      });
      app.get(path, { websocket: true }, route);
    }
    const url = await listen(app);
    const options = { read: { bytesPerSecond: RATE } };
    const slow = await Promise.all(
      ["/window", "/kernel"].map((path) => connectPeer(`${url}${path}`, options)),
    );
    const connections = [...app.spillway.connections];
    expect(connections).toHaveLength(2);

    const states = new Set<string>();
    const startedMs = performance.now();
    await waitFor(
      async () => {
        // Answers that came while this process was busy are read before anyone is called silent.
        await nextTurn();
        for (const { state } of connections) states.add(state);
        return performance.now() - startedMs > SECONDS * 1_000;
      },
      { timeoutMs: 20_000, message: `${SECONDS} seconds` },
    );
    expect(states).toContain("congested");
    expect([...states].filter((state) => state === "frozen" || state === "dead")).toEqual([]);
    expect(app.spillway.stats()).toMatchObject({ connections: 2, evicted: 0 });
    for (const { received } of slow) {
      expect(received.bytes).toBeGreaterThan((RATE * SECONDS) / 2);
      expect(received.bytes).toBeLessThan(RATE * SECONDS * 1.5);
    }
  },
);
