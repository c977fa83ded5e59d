import { expectTypeOf } from "vitest";
import {
  connectPeer,
  rawPeer,
  streamContract,
  waitFor,
  type ContractCase,
  type Peer,
  type PeerMessage,
} from "./index.ts";

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

// @ts-expect-error: a bound is a number of milliseconds
await waitFor(() => true, { timeoutMs: "1s" });

streamContract(() => ({
  ...pairOf(new TransformStream<number, number>()),
  // @ts-expect-error: the writable takes numbers
  chunk: (index) => String(index),
}));

function pairOf<In, Out>(stage: TransformStream<In, Out>) {
  return { readable: stage.readable, writable: stage.writable };
}
