import { Gap } from "@spillway/streams";
import { settle, waitFor } from "@spillway/testing";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Accepting, agrees, comeBack, opens, QUICK, Restarting } from "./support.ts";

/** What there is of a page: the events of its life, and whether anyone can see it. */
class StubPage extends EventTarget {
  visibilityState = "visible";

  tell(type: string, visibilityState: string = this.visibilityState): void {
    this.visibilityState = visibilityState;
    this.dispatchEvent(new Event(type));
  }
}

let page: StubPage;

beforeEach(() => {
  page = new StubPage();
  const { addEventListener, removeEventListener } = EventTarget.prototype;
  const online = new EventTarget();
  Object.assign(globalThis, {
    document: page,
    addEventListener: addEventListener.bind(online),
    removeEventListener: removeEventListener.bind(online),
    dispatchEvent: EventTarget.prototype.dispatchEvent.bind(online),
  });
});

afterEach(() => {
  const added = ["document", "addEventListener", "removeEventListener", "dispatchEvent"];
  for (const name of added) Reflect.deleteProperty(globalThis, name);
});

/** A server that notes what it hears. */
async function listening(): Promise<{ server: Restarting; heard: string[][] }> {
  const heard: string[][] = [];
  const server = await new Restarting().start();
  server.onSocket = (socket) => {
    const texts: string[] = [];
    heard.push(texts);
    socket.on("message", (data) => texts.push((data as Buffer).toString().slice(1)));
    for (const line of ["V1,65536,64", "N1,video", "N2,chat"]) socket.send(`\u0010${line}`);
  };
  return { server, heard };
}

const HELLO = expect.stringMatching(/^V1,/u) as string;

describe("a page that sleeps", () => {
  test("asks for nothing while it is frozen, and for something whole when it wakes", async () => {
    const { server, heard } = await listening();
    const socket = comeBack(server.url);
    const video = socket.lane("video", { stale: "drop", gaps: true }).getReader();
    const chat = socket.lane("chat").getReader();
    await agrees(socket);
    const peer = await server.socket(0);
    for (const line of ["\u0010L1", "old", "older", "\u0010L2", "kept"]) peer.send(line);
    await waitFor(() => socket.stats().unreadMessages === 3);
    page.tell("freeze");
    page.tell("resume");
    await waitFor(() => heard[0]?.at(-1) === "Q");
    // The last makes sure that the server is still there.
    expect(heard[0]).toEqual([HELLO, "S", "Y1", "R", "Q"]);
    expect((await video.read()).value).toEqual(new Gap(2, 8, "expired"));
    expect((await chat.read()).value).toBe("kept");
    expect(socket.stats().dropped).toEqual({
      chunks: 2,
      size: 8,
      reasons: { expired: { chunks: 2, size: 8 } },
    });
    for (const line of ["\u0010L1", "fresh"]) peer.send(line);
    expect((await video.read()).value).toBe("fresh");
  });

  test("says so again on the next connection", async () => {
    const { server, heard } = await listening();
    const socket = comeBack(server.url, { lifecycle: "off" });
    await agrees(socket);
    socket.suspend();
    socket.suspend();
    (await server.socket(0)).terminate();
    await waitFor(() => heard[1]?.length === 2);
    expect(heard[1]).toEqual([HELLO, "S"]);
    socket.resume();
    socket.resume();
    socket.resync();
    socket.resync("video");
    await waitFor(() => (heard[1]?.length ?? 0) >= 4);
    // A lane that nobody reads has no number here.
    expect(heard[1]).toEqual([HELLO, "S", "R", "Y0"]);
  });

  test("holds a real server, which then begins anew", async () => {
    const resyncs: string[] = [];
    const server = await new Accepting().start();
    const socket = comeBack(server.url, { stale: "drop" });
    const reader = (await socket.opened).readable.getReader();
    await agrees(socket);
    const [connection] = server.connections;
    const lane = connection?.lane({ name: "video", onResync: () => resyncs.push("video") });
    const video = socket.lane("video", { stale: "drop" }).getReader();
    page.tell("freeze");
    await waitFor(() => connection?.state === "frozen");
    const writer = lane?.getWriter();
    void writer?.write("one");
    await settle();
    expect(socket.stats().receivedMessages).toBe(0);
    page.tell("resume");
    expect((await video.read()).value).toBe("one");
    expect(resyncs).toEqual(["video"]);
    void connection?.writable.getWriter().write("main");
    expect((await reader.read()).value).toBe("main");
  });

  test("is suspended while it is hidden if it says so, also while it is frozen then", async () => {
    const { server, heard } = await listening();
    const socket = comeBack(server.url, { lifecycle: "visible" });
    await agrees(socket);
    page.tell("visibilitychange", "hidden");
    page.tell("freeze");
    page.tell("resume");
    page.tell("visibilitychange", "visible");
    await waitFor(() => heard[0]?.at(-1) === "R");
    expect(heard[0]).toEqual([HELLO, "S", "Q", "R"]);
  });

  test("is suspended while the browser keeps it for when the user goes back", async () => {
    const { server, heard } = await listening();
    const socket = comeBack(server.url);
    await agrees(socket);
    globalThis.dispatchEvent(new Event("pagehide"));
    await waitFor(() => heard[0]?.at(-1) === "S");
    globalThis.dispatchEvent(new Event("pageshow"));
    await waitFor(() => heard[0]?.at(-1) === "Q");
    expect(heard[0]).toEqual([HELLO, "S", "R", "Q"]);
  });

  test("goes on while it is hidden otherwise", async () => {
    const { server, heard } = await listening();
    const socket = comeBack(server.url);
    await agrees(socket);
    page.tell("visibilitychange", "hidden");
    page.tell("visibilitychange", "visible");
    await waitFor(() => heard[0]?.at(-1) === "Q");
    expect(heard[0]).toEqual([HELLO, "Q"]);
  });

  test("discards what is stale when the connection is lost", async () => {
    const server = await new Restarting().start();
    server.onSocket = (socket) => socket.send(`picture of ${server.sockets.length}`);
    const socket = comeBack(server.url, { stale: "drop", gaps: true });
    const { readable } = await socket.opened;
    await waitFor(() => socket.stats().unreadMessages === 1);
    (await server.socket(0)).terminate();
    await opens(socket, 2);
    const reader = readable.getReader();
    expect((await reader.read()).value).toEqual(new Gap(1, 12, "expired"));
    expect((await reader.read()).value).toEqual(new Gap(0, 0, "closed"));
    expect((await reader.read()).value).toBe("picture of 2");
  });
});

describe("a page that could connect now", () => {
  const far = { firstDelayMs: 1e6, maxDelayMs: 1e6 };
  const events: Record<string, () => void> = {
    "is online again": () => void globalThis.dispatchEvent(new Event("online")),
    "is shown again": () => void globalThis.dispatchEvent(new Event("pageshow")),
    "can be seen": () => page.tell("visibilitychange", "visible"),
    wakes: () => page.tell("resume"),
    "wakes where nobody sees it": () => page.tell("resume", "hidden"),
  };

  for (const [what, tell] of Object.entries(events)) {
    test(`does so when it ${what}`, async () => {
      const server = await new Restarting().start();
      const socket = comeBack(server.url, { reconnect: far });
      await socket.opened;
      (await server.socket(0)).terminate();
      await waitFor(() => socket.state.status === "waiting");
      tell();
      await opens(socket, 2);
    });
  }

  test("leaves a server alone that has asked for it", async () => {
    const server = await new Restarting().start();
    const socket = comeBack(server.url, { reconnect: far });
    await socket.opened;
    (await server.socket(0)).close(1013);
    await waitFor(() => socket.state.status === "waiting");
    for (const tell of Object.values(events)) tell();
    expect(socket.state.status).toBe("waiting");
  });

  test("does nothing by itself with lifecycle off", async () => {
    const server = await new Restarting().start();
    const socket = comeBack(server.url, { reconnect: far, lifecycle: "off" });
    await socket.opened;
    (await server.socket(0)).terminate();
    await waitFor(() => socket.state.status === "waiting");
    for (const tell of Object.values(events)) tell();
    expect(socket.state.status).toBe("waiting");
  });

  test("stops listening when it is closed", async () => {
    const server = await new Restarting().start();
    const removed: string[] = [];
    const { removeEventListener } = page;
    page.removeEventListener = (type, ...rest) => {
      removed.push(type);
      removeEventListener.call(page, type, ...rest);
    };
    const socket = comeBack(server.url, { reconnect: QUICK });
    await socket.opened;
    socket.close();
    await socket.closed;
    expect(removed.sort()).toEqual(["freeze", "resume", "visibilitychange"]);
  });
});
