import type { Case, Setting } from "../case.ts";
import { equal, holds, isDomException, isTypeError, rejection, thrown } from "../check.ts";
import type { SocketStream, SocketStreamOptions } from "../shape.ts";

/** Whether relative URLs have something to be relative to. */
const hasBase = "location" in globalThis && globalThis.location !== undefined;

const BAD_URLS = ["invalid:", "ftp://host/", "mailto:a@b", "ws://", "ws://host:65536/"];
const BAD_PROTOCOLS = ["", "a b", "a,b", "a/b", "(a)", '"a"', "a@b", "é", "a\u0000", "a\u007F"];

/** Waits until a socket that was made for its properties alone is gone. */
async function discard(socket: SocketStream): Promise<void> {
  const ends = [socket.opened, socket.closed];
  socket.close();
  await Promise.allSettled(ends);
}

function construct(setting: Setting, ...given: readonly unknown[]): () => SocketStream {
  const { WebSocketStream } = setting;
  return () => new WebSocketStream(...(given as [string, SocketStreamOptions]));
}

/** https://github.com/whatwg/websockets/pull/48, `new WebSocketStream(url, options)` */
export const constructingCases: readonly Case[] = [
  {
    name: "constructor: needs new, and a URL",
    run(setting) {
      isTypeError(thrown(construct(setting)));
      const call = setting.WebSocketStream as unknown as (url: string) => unknown;
      isTypeError(thrown(() => call(setting.server.at("quiet"))));
    },
  },
  ...BAD_URLS.map((url) => ({
    name: `constructor: refuses ${JSON.stringify(url)}`,
    run(setting: Setting) {
      isDomException(thrown(construct(setting, url)), "SyntaxError");
    },
  })),
  {
    name: "constructor: refuses a fragment",
    run(setting) {
      const { server } = setting;
      isDomException(thrown(construct(setting, `${server.at("quiet")}#part`)), "SyntaxError");
    },
  },
  {
    name: "constructor: refuses an empty fragment",
    run(setting) {
      const { server } = setting;
      isDomException(thrown(construct(setting, `${server.at("quiet")}#`)), "SyntaxError");
    },
  },
  {
    name: "constructor: checks the URL before the protocols, and both before it connects",
    async run(setting) {
      const options = { protocols: ["a", "a"] };
      isDomException(
        thrown(construct(setting, setting.server.at("quiet"), options)),
        "SyntaxError",
      );
      await setting.server.roundTrips();
      equal((await setting.server.report()).requests, 0, "requests");
    },
  },
  ...[true, 1, "options", Symbol("options")].map((options) => ({
    name: `constructor: refuses ${typeof options} as options`,
    run(setting: Setting) {
      isTypeError(thrown(construct(setting, setting.server.at("quiet"), options)));
    },
  })),
  ...[undefined, null].map((options) => ({
    name: `constructor: takes ${options} as options`,
    async run(setting: Setting) {
      await discard(construct(setting, setting.server.at("quiet"), options)());
    },
  })),
  ...["chat", null, 1, {}].map((protocols) => ({
    name: `constructor: protocols is a list, not ${JSON.stringify(protocols)}`,
    run(setting: Setting) {
      isTypeError(thrown(construct(setting, setting.server.at("quiet"), { protocols })));
    },
  })),
  {
    name: "constructor: protocols is a list of what can be strings",
    run(setting) {
      const options = { protocols: [Symbol("chat")] };
      isTypeError(thrown(construct(setting, setting.server.at("quiet"), options)));
    },
  },
  ...BAD_PROTOCOLS.map((protocol) => ({
    name: `constructor: refuses protocol ${JSON.stringify(protocol)}`,
    run(setting: Setting) {
      const options = { protocols: [protocol] };
      isDomException(
        thrown(construct(setting, setting.server.at("quiet"), options)),
        "SyntaxError",
      );
    },
  })),
  {
    name: "constructor: protocols that differ in case are two",
    async run(setting) {
      const url = setting.server.at("quiet", { pick: "CHAT" });
      const socket = construct(setting, url, { protocols: ["chat", "CHAT"] })();
      equal((await socket.opened).protocol, "CHAT", "protocol");
      await discard(socket);
    },
  },
  {
    name: "constructor: protocols may be anything that can be iterated",
    async run(setting) {
      const url = setting.server.at("quiet", { pick: "beta" });
      const socket = construct(setting, url, { protocols: new Set(["alpha", "beta"]) })();
      equal((await socket.opened).protocol, "beta", "protocol");
      await discard(socket);
    },
  },
  ...[null, {}, "signal"].map((signal) => ({
    name: `constructor: signal is an AbortSignal, not ${JSON.stringify(signal)}`,
    run(setting: Setting) {
      isTypeError(thrown(construct(setting, setting.server.at("quiet"), { signal })));
    },
  })),
  {
    name: "url: is the URL as the URL Standard writes it",
    async run(setting) {
      const url = setting.server.at("quiet", { note: "x" });
      const { search } = new URL(url);
      const socket = construct(
        setting,
        url.replace("ws:", "WS:").replace("/quiet", "/a/../quiet"),
      )();
      equal(socket.url, url, "url");
      await discard(socket);
      const spaced = construct(setting, `${setting.url}/a b${search}`)();
      equal(spaced.url, `${setting.url}/a%20b${search}`, "url with a space");
      await discard(spaced);
    },
  },
  {
    name: "url: may be given as a URL object",
    async run(setting) {
      const url = setting.server.at("quiet");
      const socket = construct(setting, new URL(url))();
      equal(socket.url, url, "url");
      await discard(socket);
    },
  },
  {
    name: "url: http stands for ws",
    async run(setting) {
      const url = setting.server.at("echo");
      const socket = construct(setting, url.replace("ws:", "http:"))();
      equal(socket.url, url, "url");
      await socket.opened;
      await discard(socket);
    },
  },
  {
    name: "url: https stands for wss",
    async run(setting) {
      const url = setting.server.at("echo");
      const socket = construct(setting, url.replace("ws:", "https:"))();
      const ends = [rejection(socket.opened), rejection(socket.closed)];
      equal(socket.url, url.replace("ws:", "wss:"), "url");
      // The server knows nothing of TLS.
      for (const error of await Promise.all(ends)) isDomException(error, "WebSocketError");
    },
  },
  {
    name: "url: a relative one is relative to the page, if there is one",
    async run(setting) {
      if (!hasBase) {
        isDomException(thrown(construct(setting, "/none?a=b")), "SyntaxError");
        return;
      }
      const expected = new URL("/none?a=b", location.href).href.replace(/^http/u, "ws");
      const socket = construct(setting, "/none?a=b")();
      equal(socket.url, expected, "url");
      await discard(socket);
    },
  },
  {
    name: "properties: opened and closed are always the same promises",
    async run(setting) {
      const socket = construct(setting, setting.server.at("quiet"))();
      const { opened, closed } = socket;
      holds(opened instanceof Promise && closed instanceof Promise, "both are promises");
      equal(socket.opened, opened, "opened again");
      await opened;
      equal(socket.opened, opened, "opened once it is open");
      await discard(socket);
      equal(socket.closed, closed, "closed once it is closed");
    },
  },
  {
    name: "properties: they are read-only and of the prototype",
    async run(setting) {
      const { prototype } = setting.WebSocketStream;
      for (const property of ["url", "opened", "closed"]) {
        const found = Object.getOwnPropertyDescriptor(prototype, property);
        equal(typeof found?.get, "function", `getter of ${property}`);
        equal(found?.set, undefined, `setter of ${property}`);
      }
      const socket = construct(setting, setting.server.at("quiet"))();
      equal(Object.prototype.toString.call(socket), "[object WebSocketStream]", "tag");
      await discard(socket);
    },
  },
];
