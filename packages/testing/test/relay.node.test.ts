import { once } from "node:events";
import { describe, expect, onTestFinished, test } from "vitest";
import { isSettled, settle, waitFor } from "../src/index.ts";
import { connectPeer, rawPeer, startRelay, type Peer, type Relay } from "../src/node.ts";
import { startServer, type Accepted } from "./server.ts";

async function relayed(url: string): Promise<Relay> {
  const relay = await startRelay(url);
  onTestFinished(() => relay.close());
  return relay;
}

async function meet(): Promise<Accepted & { readonly peer: Peer; readonly relay: Relay }> {
  const { url, accept } = await startServer();
  const relay = await relayed(url);
  const peer = await connectPeer(relay.url);
  return { relay, peer, ...(await accept()) };
}

describe("startRelay()", () => {
  test("forwards both ways, with the path and the query", async () => {
    const { url, accept } = await startServer();
    const relay = await relayed(`${url}streams/video?layer=2`);
    const peer = await connectPeer(relay.url);
    const { socket, request } = await accept();
    expect(request.url).toBe("/streams/video?layer=2");
    const question = once(socket, "message");
    await peer.send("question");
    expect(String((await question)[0])).toBe("question");
    const answer = peer.collect(1);
    const bytes = new Uint8Array(1 << 20).fill(7);
    socket.send(bytes);
    expect(Buffer.from((await answer)[0] as Uint8Array).equals(bytes)).toBe(true);
  });

  test("forwards how a connection ends: in order, with a FIN, with a RST", async () => {
    const orderly = await meet();
    orderly.peer.close(4001);
    expect(await orderly.closed).toBe(4001);
    expect(await orderly.peer.closed).toMatchObject({ closeCode: 4001, wasClean: true });

    const gone = await meet();
    gone.peer.vanish();
    expect(await gone.closed).toBe(1006);
    expect(gone.tcpError()).toBeUndefined();

    const reset = await meet();
    reset.peer.reset();
    expect(await reset.closed).toBe(1006);
    expect(reset.tcpError()?.code).toBe("ECONNRESET");

    const dropped = await meet();
    dropped.request.socket.resetAndDestroy();
    expect(await dropped.peer.closed).toMatchObject({ closeCode: 1006 });
    expect(dropped.peer.error).toMatchObject({ code: "ECONNRESET" });
  });

  test("cut, forwards neither bytes nor the end, and mended all that waited", async () => {
    const { relay, peer, socket, closed } = await meet();
    const received: string[] = [];
    socket.on("message", (payload: Buffer) => received.push(payload.toString()));
    await peer.send("before");
    await waitFor(() => received.length === 1, { message: "the message before" });

    relay.cut();
    await peer.send("after");
    socket.send("for nobody");
    peer.vanish();
    await peer.closed;
    for (let turn = 0; turn < 20; turn += 1) await settle();
    expect(received).toEqual(["before"]);
    expect(await isSettled(closed)).toBe(false);

    relay.mend();
    expect(await closed).toBe(1006);
    expect(received).toEqual(["before", "after"]);
  });

  test("pushes back, cut or not", async () => {
    const { url, accept } = await startServer();
    const relay = await relayed(url);
    const peer = await rawPeer(relay.url);
    const { socket } = await accept();
    const bytes = 32 << 20;
    socket.send(Buffer.alloc(bytes));
    relay.cut();
    peer.resume();
    let held = -1;
    await waitFor(() => {
      const before = held;
      held = socket.bufferedAmount;
      return held === before && held > 0;
    });
    expect(peer.bytesRead).toBeLessThan(bytes);
    relay.mend();
    await waitFor(() => peer.bytesRead === bytes + 10, { message: "all of it" });
  });

  test("holds a connection that is made while it is cut", async () => {
    const { url, accept } = await startServer();
    const relay = await relayed(url);
    relay.cut();
    const connecting = connectPeer(relay.url);
    for (let turn = 0; turn < 20; turn += 1) await settle();
    expect(await isSettled(connecting)).toBe(false);
    relay.mend();
    relay.mend();
    await accept();
    expect((await connecting).protocol).toBe("");
  });

  test("resets what has no server", async () => {
    const relay = await relayed("ws://127.0.0.1:1/");
    await expect(connectPeer(relay.url)).rejects.toThrow("Cannot connect");
  });

  test("cut, tells of a reset once it is mended", async () => {
    const relay = await relayed("ws://127.0.0.1:1/");
    relay.cut();
    const connecting = connectPeer(relay.url);
    for (let turn = 0; turn < 20; turn += 1) await settle();
    expect(await isSettled(connecting)).toBe(false);
    relay.mend();
    await expect(connecting).rejects.toThrow("Cannot connect");
  });

  test("closed, drops both sides and takes no more", async () => {
    const { relay, peer, closed } = await meet();
    await relay.close();
    expect(await closed).toBe(1006);
    expect(await peer.closed).toMatchObject({ closeCode: 1006 });
    await expect(connectPeer(relay.url)).rejects.toThrow("ECONNREFUSED");
  });

  test("refuses another scheme", async () => {
    await expect(startRelay("wss://127.0.0.1:1/")).rejects.toThrow("got the scheme wss:, want ws:");
  });
});
