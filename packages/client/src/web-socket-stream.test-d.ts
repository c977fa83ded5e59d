import type { Overflow } from "@spillway/streams";
import { expectTypeOf, test } from "vitest";
import type { WebSocket as NodeWebSocket } from "ws";
import type {
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

test("takes any policy but waiting", () => {
  expectTypeOf<Exclude<Overflow<ReceivedMessage>, "wait">>().toExtend<
    WebSocketStreamOptions["overflow"]
  >();
  // @ts-expect-error a server without credits does not wait
  const options: WebSocketStreamOptions = { overflow: "wait" };
  expectTypeOf(options).toBeObject();
});

test("has what the proposal has", () => {
  expectTypeOf<WebSocketStream>().toHaveProperty("url").toBeString();
  expectTypeOf<WebSocketStream["closed"]>().resolves.toEqualTypeOf<{
    readonly closeCode: number;
    readonly reason: string;
  }>();
});
