import { BoundedQueue } from "@spillway/streams";
import { expectTypeOf, test } from "vitest";
import type { WebSocket as NodeWebSocket } from "ws";
import type {
  OverflowWord,
  ReceivedMessage,
  SentMessage,
  WebSocketOpenInfo,
  WebSocketStream,
  WebSocketStreamOptions,
} from "./index.ts";

test("what is received can be sent, and any bytes", () => {
  expectTypeOf<ReadableStream<ReceivedMessage>["pipeTo"]>().toBeCallableWith(
    {} as WebSocketOpenInfo["writable"],
  );
  expectTypeOf<WritableStreamDefaultWriter<SentMessage>["write"]>().toBeCallableWith(
    {} as Uint8Array,
  );
});

test("takes the platform's WebSocket and that of ws", () => {
  expectTypeOf<typeof NodeWebSocket>().toExtend<WebSocketStreamOptions["WebSocket"]>();
  expectTypeOf<typeof globalThis.WebSocket>().toExtend<WebSocketStreamOptions["WebSocket"]>();
});

test("takes a word, or what makes a queue", () => {
  expectTypeOf<OverflowWord>().toExtend<WebSocketStreamOptions["overflow"]>();
  const options: WebSocketStreamOptions = {
    overflow: (bounds) => new BoundedQueue<ReceivedMessage>(bounds),
  };
  expectTypeOf(options).toBeObject();
  // @ts-expect-error a server without credits does not wait
  const waiting: WebSocketStreamOptions = { overflow: "wait" };
  expectTypeOf(waiting).toBeObject();
});

test("has what the proposal has", () => {
  expectTypeOf<WebSocketStream>().toHaveProperty("url").toBeString();
  expectTypeOf<WebSocketStream["closed"]>().resolves.toEqualTypeOf<{
    readonly closeCode: number;
    readonly reason: string;
  }>();
});
