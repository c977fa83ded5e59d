import type { Case, Setting } from "../case.ts";
import { equal, holds, isDomException, isTypeError, thrown } from "../check.ts";

/** One reason of 124 bytes, once in as many characters and once in 31 of four bytes each. */
const LONG_REASONS = ["x".repeat(124), "\u{1F50C}".repeat(31)];

/** https://github.com/whatwg/websockets/pull/48, `WebSocketError` */
export const socketErrorCases: readonly Case[] = [
  {
    name: "WebSocketError: without arguments it has no close code and nothing to say",
    run({ WebSocketError }) {
      const error = new WebSocketError();
      holds(error instanceof DOMException, "it is a DOMException");
      equal(error.name, "WebSocketError", "name");
      equal(error.code, 0, "code");
      equal(error.message, "", "message");
      equal(error.closeCode, null, "closeCode");
      equal(error.reason, "", "reason");
    },
  },
  {
    name: "WebSocketError: keeps what it is given",
    run({ WebSocketError }) {
      const error = new WebSocketError("a message", { closeCode: 3210, reason: "a reason" });
      equal(error.message, "a message", "message");
      equal(error.closeCode, 3210, "closeCode");
      equal(error.reason, "a reason", "reason");
      equal(error.code, 0, "code");
    },
  },
  {
    name: "WebSocketError: is a class of its own to whoever asks",
    run({ WebSocketError }) {
      const error = new WebSocketError("text");
      equal(Object.prototype.toString.call(error), "[object WebSocketError]", "tag");
      equal(String(error), "WebSocketError: text", "as a string");
      equal(error.constructor, WebSocketError, "constructor");
      const call = WebSocketError as unknown as () => unknown;
      isTypeError(thrown(() => call()));
    },
  },
  {
    name: "WebSocketError: closeCode and reason are read-only properties of the prototype",
    run({ WebSocketError }) {
      const { prototype } = WebSocketError;
      for (const property of ["closeCode", "reason"]) {
        const found = Object.getOwnPropertyDescriptor(prototype, property);
        equal(typeof found?.get, "function", `getter of ${property}`);
        equal(found?.set, undefined, `setter of ${property}`);
      }
      const error = new WebSocketError("", { closeCode: 3000 });
      isTypeError(thrown(() => Object.assign(error, { closeCode: 4000 })));
      equal(error.closeCode, 3000, "closeCode");
    },
  },
  ...[1000, 3000, 4999].map((closeCode) => ({
    name: `WebSocketError: takes close code ${closeCode}`,
    run({ WebSocketError }: Setting) {
      equal(new WebSocketError("", { closeCode }).closeCode, closeCode, "closeCode");
    },
  })),
  ...[0, 999, 1001, 1005, 1006, 1015, 2999, 5000, 65_535].map((closeCode) => ({
    name: `WebSocketError: refuses close code ${closeCode}`,
    run({ WebSocketError }: Setting) {
      const error = thrown(() => new WebSocketError("", { closeCode }));
      isDomException(error, "InvalidAccessError");
    },
  })),
  ...[-1, 65_536, Number.NaN, Infinity, "code"].map((given) => ({
    name: `WebSocketError: is no unsigned short: ${given}`,
    run({ WebSocketError }: Setting) {
      isTypeError(thrown(() => new WebSocketError("", { closeCode: given as number })));
    },
  })),
  {
    name: "WebSocketError: converts as Web IDL does",
    run({ WebSocketError }) {
      const init = { closeCode: "3000", reason: 5 };
      const error = new WebSocketError(7 as unknown as string, init as unknown as object);
      equal(error.message, "7", "message");
      equal(error.closeCode, 3000, "closeCode");
      equal(error.reason, "5", "reason");
      equal(new WebSocketError("", { closeCode: 3000.9 }).closeCode, 3000, "cut closeCode");
      const undefinedCode = { closeCode: undefined } as unknown as object;
      equal(new WebSocketError("", undefinedCode).closeCode, null, "closeCode left out");
      equal(new WebSocketError("", null).closeCode, null, "closeCode of null");
      isTypeError(thrown(() => new WebSocketError("", true as unknown as object)));
      const symbol = { closeCode: Symbol("3000") as unknown as number };
      isTypeError(thrown(() => new WebSocketError("", symbol)));
    },
  },
  {
    name: "WebSocketError: a reason alone stands for close code 1000",
    run({ WebSocketError }) {
      equal(new WebSocketError("", { reason: "done" }).closeCode, 1000, "closeCode");
      equal(new WebSocketError("", { reason: "" }).closeCode, null, "closeCode if it is empty");
    },
  },
  {
    name: "WebSocketError: refuses a reason of more than 123 bytes of UTF-8",
    run({ WebSocketError }) {
      for (const reason of LONG_REASONS) {
        isDomException(
          thrown(() => new WebSocketError("", { reason })),
          "SyntaxError",
        );
        const init = { closeCode: 1000, reason };
        isDomException(
          thrown(() => new WebSocketError("", init)),
          "SyntaxError",
        );
      }
      const reason = "x".repeat(123);
      equal(new WebSocketError("", { reason }).reason, reason, "the longest reason");
    },
  },
  {
    name: "WebSocketError: half a surrogate pair in a reason is replaced",
    run({ WebSocketError }) {
      equal(new WebSocketError("", { reason: "a\uD83D" }).reason, "a\uFFFD", "reason");
    },
  },
];
