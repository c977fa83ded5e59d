import { waitFor } from "@spillway/testing";
import { connectPeer } from "@spillway/testing/node";
import { frame } from "@spillway/websocket";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { serve } from "./support.ts";

/** Milliseconds the property may take on a busy machine; it takes some seconds. */
const LIMIT_MS = 120_000;

const kinds = ["bytes", "text", "frame", "leased"] as const;

/** What is done in one turn, mostly with small messages. */
const steps = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constantFrom(...kinds),
        size: fc.oneof(fc.integer({ min: 8, max: 400 }), fc.constantFrom(16_384, 16_385, 70_000)),
        by: fc.nat(2),
        times: fc.integer({ min: 1, max: 20 }),
      }),
    },
    { weight: 2, arbitrary: fc.constantFrom("look", "tick", "turn", "ready") },
  ),
  { minLength: 1, maxLength: 30 },
);

test.each([
  ["raw", {}],
  ["compressed", { perMessageDeflate: { serverNoContextTakeover: true, threshold: 100 } }],
])(
  "whatever is written by whom arrives whole, and in its order (%s)",
  { timeout: LIMIT_MS },
  async (_, extra) => {
    const server = await serve({ window: 65_536, maxQueuedBytes: 64 << 20 }, undefined, extra);
    const property = fc.asyncProperty(steps, async (script) => {
      const peer = await connectPeer(server.url);
      const connection = await server.next();
      const writers = [connection.writable, connection.lane(), connection.lane({ priority: 1 })];
      const [main, ...lanes] = writers.map((writable) => writable.getWriter());
      const all = [main, ...lanes] as WritableStreamDefaultWriter<unknown>[];
      const received: string[] = [];
      const sent: string[] = [];
      let [released, leased] = [0, 0];
      peer.onMessage((data) => {
        const isText = typeof data === "string";
        received.push(isText ? data : Buffer.from(data).toString("latin1"));
        expect(isText).toBe(received.at(-1)?.includes(" text "));
      });
      const writes: Promise<void>[] = [];
      for (const step of script) {
        if (step === "look") connection.stats();
        else if (step === "tick") await Promise.resolve();
        else if (step === "turn") await new Promise((resolve) => setImmediate(resolve));
        else if (step === "ready") await Promise.all(all.map(async ({ ready }) => ready));
        else {
          for (let left = step.times; left > 0; left--) {
            const text = `${step.by} ${sent.length} ${step.kind} `.padEnd(step.size, ".");
            sent.push(text);
            const bytes = Buffer.from(text);
            if (step.kind === "leased") leased++;
            const chunk = {
              bytes,
              text,
              frame: frame(bytes),
              leased: frame(bytes, { release: () => void released++ }),
            }[step.kind];
            writes.push((all[step.by] as WritableStreamDefaultWriter<unknown>).write(chunk));
          }
        }
      }
      await Promise.all(writes);
      await waitFor(() => received.length === sent.length, { message: `${sent.length} messages` });
      for (const by of ["0", "1", "2"]) {
        const own = (message: string): boolean => message.startsWith(by);
        expect(received.filter(own)).toEqual(sent.filter(own));
      }
      await waitFor(() => connection.stats().bufferedBytes === 0, { message: "the kernel" });
      expect(connection.stats()).toMatchObject({ sentMessages: sent.length, queuedBytes: 0 });
      expect(released).toBe(leased);
      connection.terminate();
      await connection.closed;
    });
    await fc.assert(property, { numRuns: 60, includeErrorInReport: true });
  },
);
