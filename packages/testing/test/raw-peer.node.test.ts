import { createHash } from "node:crypto";
import { once } from "node:events";
import { describe, expect, test } from "vitest";
import { waitFor } from "../src/index.ts";
import { rawPeer, type RawFrame, type RawPeer } from "../src/node.ts";
import { startHttpServer, startServer, type Accepted } from "./server.ts";

async function meet(): Promise<Accepted & { readonly peer: RawPeer }> {
  const { url, accept } = await startServer();
  const peer = await rawPeer(url);
  return { peer, ...(await accept()) };
}

const acceptKey = (key: string | undefined): string =>
  createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");

describe("rawPeer()", () => {
  test("reads nothing until told to", async () => {
    const { peer, socket } = await meet();
    const bytes = 16 << 20;
    socket.send(Buffer.alloc(bytes));
    await waitFor(() => peer.bytesRead > 0 || socket.bufferedAmount > 0, { message: "traffic" });
    expect(socket.bufferedAmount).toBeGreaterThan(0);
    expect(peer.bytesRead).toBeLessThanOrEqual(2 * 65_536);

    peer.resume();
    await waitFor(() => peer.bytesRead === bytes + 10, { message: "all of it" });
    peer.pause();
    expect(socket.bufferedAmount).toBe(0);
  });

  test("hands out what came with the handshake", async () => {
    const url = await startHttpServer((request, socket) => {
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
          `Sec-WebSocket-Accept: ${acceptKey(request.headers["sec-websocket-key"])}\r\n\r\nearly`,
      );
    });
    const peer = await rawPeer(url, { headers: { "X-Viewer": "7" } });
    expect(new TextDecoder().decode(peer.head)).toBe("early");
    expect(peer.bytesRead).toBe(5);
    expect(peer.headers.upgrade).toBe("websocket");
    expect(peer.socket.isPaused()).toBe(true);
    peer.vanish();
    expect(await peer.closed).toEqual({ error: undefined });
  });

  test("sends legal frames, in fragments too", async () => {
    const { peer, socket } = await meet();
    const messages: unknown[] = [];
    socket.on("message", (payload: Buffer, isBinary) => {
      messages.push(isBinary ? [...payload] : payload.toString());
    });
    await peer.sendFrame({ opcode: 1, payload: "grüße" });
    await peer.sendFrame({ opcode: 2, payload: Uint8Array.of(1, 2), fin: false });
    await peer.sendFrame({ opcode: 0, payload: Uint8Array.of(3) });
    await waitFor(() => messages.length === 2, { message: "both messages" });
    expect(messages).toEqual(["grüße", [1, 2, 3]]);
  });

  test.each<[string, RawFrame]>([
    ["no mask", { opcode: 1, payload: "x", mask: false }],
    ["a reserved bit", { opcode: 1, payload: "x", rsv: 0b100 }],
    ["a reserved opcode", { opcode: 3 }],
    ["a continuation of nothing", { opcode: 0 }],
    ["a fragmented ping", { opcode: 9, fin: false }],
  ])("sends illegal frames: %s", async (_name, frame) => {
    const { peer, socket } = await meet();
    const refused = once(socket, "error");
    await peer.sendFrame(frame);
    await refused;
    peer.resume();
    await peer.closed;
    expect(peer.bytesRead).toBeGreaterThanOrEqual(4);
  });

  test("sends bytes as they are: a frame in two halves", async () => {
    const { peer, socket } = await meet();
    const message = once(socket, "message");
    const frame = Uint8Array.of(0x81, 0x82, 0, 0, 0, 0, 0x6f, 0x6b);
    await peer.sendBytes(frame.subarray(0, 3));
    await peer.sendBytes(frame.subarray(3));
    expect(String((await message)[0])).toBe("ok");
    await expect(peer.sendBytes("text" as never)).rejects.toThrow(TypeError);
  });

  test("refuses what fits no header", async () => {
    const { peer } = await meet();
    await expect(peer.sendFrame({ opcode: 16 })).rejects.toThrow(RangeError);
    await expect(peer.sendFrame({ opcode: 1, rsv: 8 })).rejects.toThrow(RangeError);
  });

  test("resets: the server gets ECONNRESET", async () => {
    const { peer, closed, tcpError } = await meet();
    peer.reset();
    expect(await closed).toBe(1006);
    expect(tcpError()?.code).toBe("ECONNRESET");
    await peer.closed;
    await expect(peer.sendFrame({ opcode: 1 })).rejects.toThrow();
  });

  test("vanishes: the server gets an end and no Close", async () => {
    const { peer, closed, tcpError } = await meet();
    peer.vanish();
    expect(await closed).toBe(1006);
    expect(tcpError()).toBeUndefined();
  });

  test("tells the error that ended it", async () => {
    const { peer, request } = await meet();
    peer.resume();
    request.socket.resetAndDestroy();
    expect(await peer.closed).toMatchObject({ error: { code: "ECONNRESET" } });
  });

  test("tells the status of a refusal", async () => {
    const url = await startHttpServer((_request, socket) => {
      socket.end("HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n");
    });
    await expect(rawPeer(url)).rejects.toThrow(
      `Cannot connect to ${url}: got status 403, want 101`,
    );
  });

  test("refuses an answer to another question", async () => {
    const url = await startHttpServer((_request, socket) => {
      socket.write(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
          "Sec-WebSocket-Accept: bm90IHRoaXM=\r\n\r\n",
      );
    });
    await expect(rawPeer(url)).rejects.toThrow("got another Sec-WebSocket-Accept");
  });

  test("tells why there is no server", async () => {
    await expect(rawPeer("ws://127.0.0.1:1/")).rejects.toMatchObject({
      cause: { code: "ECONNREFUSED" },
    });
    await expect(rawPeer("http://127.0.0.1:1/")).rejects.toThrow("got the scheme http:, want ws:");
  });

  test("gives up with its signal", async () => {
    const controller = new AbortController();
    const reason = new Error("the test is over");
    const url = await startHttpServer(() => controller.abort(reason));
    await expect(rawPeer(url, { signal: controller.signal })).rejects.toBe(reason);
    await expect(rawPeer(url, { signal: controller.signal })).rejects.toBe(reason);
  });
});
