/**
 * Runs with --experimental-stream-iter: pipes between web streams and the real `node:stream/iter`,
 * and prints what came out as JSON.
 */
import {
  fromStreamIter,
  fromStreamIterWriter,
  type StreamIterWriter,
  toStreamIter,
  toStreamIterWriter,
} from "../src/node.ts";
import { pumped } from "../src/ends.ts";
import { fromIterable } from "../src/from-iterable.ts";
import { sink } from "../src/sink.ts";

type Bytes = AsyncIterable<Uint8Array[]>;

/** The part of the module that is used here; its types come with later type packages. */
interface StreamIter {
  from(source: unknown): Bytes;
  text(source: unknown): Promise<string>;
  pipeTo(source: unknown, writer: unknown): Promise<number>;
  push(options?: object): { writer: StreamIterWriter; readable: Bytes };
}

const iter = process.getBuiltinModule("node:stream/iter") as unknown as StreamIter;
const decoder = new TextDecoder();

function* lines(count: number): Generator<string> {
  for (let index = 0; index < count; index++) yield `line ${index}\n`;
}

const whole = [...lines(1000)].join("");

async function read(stream: ReadableStream<Uint8Array>): Promise<string> {
  let text = "";
  for await (const chunk of stream) text += decoder.decode(chunk, { stream: true });
  return text;
}

/** The module's own source, read by ours. */
async function reading(): Promise<object> {
  const before = pumped();
  let text = "";
  const into = sink({ write: (chunk: Uint8Array) => void (text += decoder.decode(chunk)) });
  await fromStreamIter(iter.from(lines(1000))).pipeTo(into);
  return { whole: text === whole, pumped: pumped() - before >= 1000 };
}

/** Everything else that the module takes for a source. */
async function sources(): Promise<object> {
  const bytes = new TextEncoder().encode("b");
  const nested = [["a", bytes], bytes.buffer] as unknown as Iterable<string>;
  return {
    word: await read(fromStreamIter("word")),
    nested: await read(fromStreamIter(nested)),
    foreign: await read(fromStreamIter(new Blob(["c", "d"]).stream() as never)),
  };
}

/** A web stream, read by the module. */
async function iterating(): Promise<object> {
  let batches = 0;
  let largest = 0;
  async function* counted(): AsyncGenerator<Uint8Array[]> {
    for await (const batch of toStreamIter(fromIterable(lines(1000)))) {
      batches++;
      largest = Math.max(largest, batch.length);
      yield batch;
    }
  }
  // How many there are depends on when the pump lets the event loop turn.
  const isWhole = (await iter.text(counted())) === whole;
  return { whole: isWhole, batched: batches < 500, bounded: largest > 1 && largest <= 128 };
}

/** A writer of the module fed by a pipe, and the other way round. */
async function writing(): Promise<object> {
  const { writer, readable } = iter.push({ highWaterMark: 4 });
  const [text] = await Promise.all([
    iter.text(readable),
    fromIterable(lines(1000)).pipeTo(fromStreamIterWriter(writer)),
  ]);
  let taken = "";
  const into = sink({ write: (chunk: Uint8Array) => void (taken += decoder.decode(chunk)) });
  const written = await iter.pipeTo(iter.from(lines(1000)), toStreamIterWriter(into));
  return { whole: text === whole, back: taken === whole, all: written === whole.length };
}

/** What fails on one side is known on the other, by its very error. */
async function failing(): Promise<object> {
  const reason = new Error("The source breaks");
  const caught = async (work: Promise<unknown>): Promise<unknown> =>
    work.then(
      () => undefined,
      (error: unknown) => error,
    );
  async function* broken(): AsyncGenerator<Uint8Array[]> {
    yield [Uint8Array.of(1)];
    throw reason;
  }
  const first = iter.push();
  const second = iter.push();
  const failed = caught(iter.text(first.readable));
  const piped = caught(fromStreamIter(broken()).pipeTo(fromStreamIterWriter(first.writer)));
  let aborted: unknown;
  const into = sink<Uint8Array>({ abort: (given) => void (aborted = given) });
  const native = caught(iter.pipeTo(broken(), toStreamIterWriter(into)));
  // A consumer that leaves ends the pipe into the writer.
  const left = caught(fromIterable(lines(1000)).pipeTo(fromStreamIterWriter(second.writer)));
  for await (const batch of second.readable) if (batch.length > 0) break;
  return {
    reader: (await failed) === reason,
    pipe: (await piped) === reason,
    native: (await native) === reason,
    abort: aborted === reason,
    left: (await left) instanceof Error,
  };
}

console.log(
  JSON.stringify({
    reading: await reading(),
    sources: await sources(),
    iterating: await iterating(),
    writing: await writing(),
    failing: await failing(),
  }),
);
