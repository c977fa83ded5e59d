import { expectTypeOf } from "vitest";
import {
  scriptedSink,
  scriptedSource,
  sinkContract,
  streamContract,
  virtualClock,
  waitFor,
  type ContractCase,
} from "./index.ts";
import { connectPeer, rawPeer, type Peer, type PeerMessage } from "./node.ts";

const peer: Peer = await connectPeer("ws://127.0.0.1:1", { read: { bytesPerSecond: 1_000 } });
expectTypeOf(await peer.collect(1)).toEqualTypeOf<PeerMessage[]>();
expectTypeOf(peer.onMessage(() => {})).toEqualTypeOf<() => void>();
expectTypeOf((await peer.closed).closeCode).toBeNumber();

const cases = streamContract(() => ({
  ...pairOf(new TransformStream<number, string>()),
  chunk: (index) => index,
  equals: (received, sent) => received === String(sent),
}));
expectTypeOf(cases).toEqualTypeOf<readonly ContractCase[]>();

// @ts-expect-error: a pace is a word or a rate
await connectPeer("ws://127.0.0.1:1", { read: "slow" });

// @ts-expect-error: what was received is told, not set
peer.received.messages = 0;

// @ts-expect-error: a frame needs its opcode
await (await rawPeer("ws://127.0.0.1:1")).sendFrame({ payload: "" });

// @ts-expect-error: text has no bytes before it is encoded
await (await rawPeer("ws://127.0.0.1:1")).sendBytes("text");

// @ts-expect-error: a bound is a number of milliseconds
await waitFor(() => true, { timeoutMs: "1s" });

streamContract(() => ({
  ...pairOf(new TransformStream<number, number>()),
  // @ts-expect-error: the writable takes numbers
  chunk: (index) => String(index),
}));

streamContract(() => ({ ...pairOf(new TransformStream<number>()), chunk: (index) => index }), {
  // @ts-expect-error: a pipe is direct or foreign
  via: "native",
});

const source = scriptedSource([{ chunks: [1, 2] }, { waitMs: 5 }, "stall"], {
  clock: virtualClock(),
});
expectTypeOf(source.readable).toEqualTypeOf<ReadableStream<number>>();
// The globals and a clock are told apart by nobody.
scriptedSource([], { clock: globalThis });

// @ts-expect-error: a stall has no length; a wait has
scriptedSource([{ stall: 5 }]);

// @ts-expect-error: what was sent is told, not set
source.sent.push(3);

sinkContract(() => ({
  ...scriptedTarget(),
  // @ts-expect-error: the writable takes numbers
  chunk: (index) => String(index),
}));

function scriptedTarget() {
  const target = scriptedSink<number>();
  return { target, writable: target.writable };
}

function pairOf<In, Out>(stage: TransformStream<In, Out>) {
  return { readable: stage.readable, writable: stage.writable };
}
