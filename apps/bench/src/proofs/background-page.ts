import type { Browser } from "playwright-core";

/** A page that can be put to sleep. */
export interface BackgroundPage {
  /** @returns what the expression is, as JSON has it */
  evaluate(expression: string): Promise<unknown>;
  setState(state: "active" | "frozen"): Promise<void>;
  /** What its scripts have in use, once garbage is gone. */
  heapBytes(): Promise<number>;
}

interface Result {
  readonly result?: { readonly value?: unknown };
  readonly exceptionDetails?: { readonly text: string };
  readonly usedSize?: number;
}

/** What comes from the page: the answer to a command, or an event. */
interface Reply {
  readonly id?: number;
  readonly method?: string;
  readonly params?: { readonly payload?: string };
  readonly result?: Result;
  readonly error?: { readonly message: string };
}

/**
 * Opens a page beside those of Playwright, which tells its own that they are in the foreground; and a
 * page in the foreground is never frozen.
 *
 * @param onTold - hears of what the page gives to its function `tell()`
 */
export async function openBackgroundPage(
  browser: Browser,
  url: string,
  onTold: (text: string) => void,
): Promise<BackgroundPage> {
  const devtools = await browser.newBrowserCDPSession();
  const { targetId } = await devtools.send("Target.createTarget", { url: "about:blank" });
  const { sessionId } = await devtools.send("Target.attachToTarget", { targetId, flatten: false });
  const waiting = new Map<number, (reply: Reply) => void>();
  let onLoad: (() => void) | undefined;
  const loaded = new Promise<void>((resolve) => {
    onLoad = resolve;
  });
  devtools.on("Target.receivedMessageFromTarget", (event) => {
    if (event.sessionId !== sessionId) return;
    const reply = JSON.parse(event.message) as Reply;
    if (reply.method === "Page.loadEventFired") onLoad?.();
    if (reply.method === "Runtime.bindingCalled") onTold(reply.params?.payload ?? "");
    waiting.get(reply.id ?? -1)?.(reply);
    waiting.delete(reply.id ?? -1);
  });
  let count = 0;
  const send = async (method: string, params: object = {}): Promise<Reply> => {
    const id = ++count;
    const replied = new Promise<Reply>((resolve) => {
      waiting.set(id, resolve);
    });
    const message = JSON.stringify({ id, method, params });
    await devtools.send("Target.sendMessageToTarget", { sessionId, message });
    const reply = await replied;
    const why = reply.error?.message ?? reply.result?.exceptionDetails?.text;
    if (why !== undefined) throw new Error(`Cannot ${method}: ${why}`);
    return reply;
  };
  await send("Page.enable");
  await send("Runtime.enable");
  await send("Runtime.addBinding", { name: "tell" });
  await send("Page.navigate", { url });
  // Between two documents a page has nothing that evaluates.
  await loaded;
  return {
    async evaluate(expression) {
      const { result } = await send("Runtime.evaluate", {
        expression,
        awaitPromise: true,
        returnByValue: true,
      });
      return result?.result?.value;
    },
    async heapBytes() {
      await send("HeapProfiler.collectGarbage");
      const { result } = await send("Runtime.getHeapUsage");
      return result?.usedSize ?? 0;
    },
    async setState(state) {
      await send("Page.setWebLifecycleState", { state });
    },
  };
}
