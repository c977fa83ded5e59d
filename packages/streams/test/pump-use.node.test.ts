import { Readable, Writable } from "node:stream";
import { beforeEach, expect, test, vi } from "vitest";

/** The package as a program has it that calls one factory only: nobody else asked for the pump. */
async function fresh() {
  const ends = await import("../src/ends.ts");
  return {
    ...ends,
    ...(await import("../src/node.ts")),
    ...(await import("../src/merge.ts")),
    ...(await import("../src/from-events.ts")),
    /** Ends of no factory, which ask for no pump. */
    giving: (count: number): ReadableStream<Uint8Array> => {
      const end = new ends.ReadableEnd<Uint8Array>({
        take: () => {
          if (count-- > 0) return Uint8Array.of(1);
          end.close();
          return ends.EMPTY;
        },
        cancel: () => {},
      });
      return end.stream;
    },
    taking: (): WritableStream<unknown> =>
      new ends.WritableEnd<unknown>({ put: () => true, close: () => {}, abort: () => {} }).stream,
  };
}

type Fresh = Awaited<ReturnType<typeof fresh>>;

const objects = { objectMode: true } as const;
const writable = (): Writable => new Writable({ write: (_, __, done) => done() });

/** More chunks than one: the last may come with the end, and that one is handed over natively. */
const factories: Record<string, (with_: Fresh) => Promise<unknown>> = {
  merge: ({ merge, giving, taking }) => merge([giving(3)]).pipeTo(taking()),
  fromEvents: ({ fromEvents, taking }) => {
    const target = new EventTarget();
    const piped = fromEvents(target, "tick", { closeType: "end" }).readable.pipeTo(taking());
    for (const type of ["tick", "tick", "tick", "end"]) target.dispatchEvent(new Event(type));
    return piped;
  },
  fromNodeReadable: ({ fromNodeReadable, taking }) =>
    fromNodeReadable(Readable.from([1, 2, 3].map((byte) => Uint8Array.of(byte)))).pipeTo(taking()),
  fromNodeWritable: ({ fromNodeWritable, giving }) =>
    giving(3).pipeTo(fromNodeWritable(writable())),
  toNodeReadable: ({ toNodeReadable, giving }) => toNodeReadable(giving(3), objects).toArray(),
  toNodeWritable: ({ toNodeWritable, taking }) =>
    new Promise((resolve) => {
      const stream = toNodeWritable(taking(), objects).on("finish", resolve);
      for (let byte = 0; byte < 3; byte++) stream.write(Uint8Array.of(byte));
      stream.end();
    }),
  toStreamIter: async ({ toStreamIter, giving }) => {
    for await (const batch of toStreamIter(giving(3))) expect(batch.length).toBeGreaterThan(0);
  },
  fromStreamIterWriter: ({ fromStreamIterWriter, giving }) =>
    giving(3).pipeTo(fromStreamIterWriter({ write: () => {} })),
};

beforeEach(() => {
  vi.resetModules();
});

test("ends of no factory are piped as any streams are", async () => {
  const { giving, taking, pumped } = await fresh();
  await giving(3).pipeTo(taking());
  expect(pumped()).toBe(0);
});

test.each(Object.keys(factories))("%s() alone brings the pump", async (name) => {
  const own = await fresh();
  await factories[name]?.(own);
  expect(own.pumped()).toBeGreaterThan(0);
});
