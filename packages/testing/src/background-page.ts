/** What is used of a Chromium that Playwright has started. */
export interface DevtoolsBrowser {
  newBrowserCDPSession(): Promise<DevtoolsSession>;
}

/** What is used of a session of Chromium's DevTools protocol. */
export interface DevtoolsSession {
  send(method: string, params?: object): Promise<unknown>;
  on(event: string, listener: (payload: { sessionId: string; message: string }) => void): unknown;
}

/** A page that can be put to sleep. */
export interface BackgroundPage {
  /**
   * Evaluates in the page, which must not be frozen.
   *
   * @returns what the expression, or the promise that it is, comes to, as JSON has it
   * @throws `Error` with what the page threw
   */
  evaluate(expression: string): Promise<unknown>;
  /** As the browser does with a tab in the background: no task of the page or its workers runs. */
  freeze(): Promise<void>;
  /** Ends that. */
  wake(): Promise<void>;
  /** Bytes that its scripts have in use, once garbage is gone. */
  heapBytes(): Promise<number>;
  close(): Promise<void>;
}

/** What {@link openBackgroundPage} takes beside the address. */
export interface BackgroundPageOptions {
  /** Hears of what the page gives to its function `tell(text)`. */
  readonly onTold?: ((text: string) => void) | undefined;
}

interface Result {
  readonly result?: { readonly value?: unknown };
  readonly exceptionDetails?: {
    readonly text: string;
    readonly exception?: { readonly description?: string };
  };
  readonly usedSize?: number;
  readonly errorText?: string;
  readonly loaderId?: string;
}

/** What comes from the page: the answer to a command, or an event. */
interface Reply {
  readonly id?: number;
  readonly method?: string;
  readonly params?: {
    readonly payload?: string;
    readonly name?: string;
    readonly loaderId?: string;
  };
  readonly result?: Result;
  readonly error?: { readonly message: string };
}

/**
 * Opens a page that can be frozen, in a context of its own, and waits until it has loaded. It lies beside those
 * of Playwright, which tells its own that they are in the foreground; and a page in the foreground is
 * never frozen.
 *
 * @param browser - Chromium, as `chromium.launch()` of Playwright gives it
 * @param url - of the page
 * @returns the page; it ends with the browser if it is not closed before
 * @throws `Error` when the page cannot be opened
 * @see https://developer.chrome.com/docs/web-platform/page-lifecycle-api
 *
 * @example
 * ```ts
 * import { type DevtoolsBrowser, openBackgroundPage } from "@spillway/testing/node";
 *
 * async function sleepFor(browser: DevtoolsBrowser, ms: number): Promise<void> {
 *   const page = await openBackgroundPage(browser, "http://127.0.0.1:3000/");
 *   await page.freeze();
 *   await new Promise((resolve) => setTimeout(resolve, ms));
 *   await page.wake();
 *   console.log(await page.evaluate("document.title"));
 * }
 * ```
 */
export async function openBackgroundPage(
  browser: DevtoolsBrowser,
  url: string,
  options: BackgroundPageOptions = {},
): Promise<BackgroundPage> {
  const devtools = await browser.newBrowserCDPSession();
  const context = await devtools.send("Target.createBrowserContext");
  const { browserContextId } = context as { browserContextId: string };
  const target = await devtools.send("Target.createTarget", {
    url: "about:blank",
    browserContextId,
  });
  const { targetId } = target as { targetId: string };
  const attached = await devtools.send("Target.attachToTarget", { targetId, flatten: false });
  const { sessionId } = attached as { sessionId: string };
  const waiting = new Map<number, (reply: Reply) => void>();
  const loaded = new Set<string>();
  let onLoad: (() => void) | undefined;
  devtools.on("Target.receivedMessageFromTarget", (event) => {
    if (event.sessionId !== sessionId) return;
    const reply = JSON.parse(event.message) as Reply;
    if (reply.method === "Page.lifecycleEvent" && reply.params?.name === "load") {
      loaded.add(reply.params.loaderId ?? "");
      onLoad?.();
    }
    if (reply.method === "Runtime.bindingCalled") options.onTold?.(reply.params?.payload ?? "");
    waiting.get(reply.id ?? -1)?.(reply);
    waiting.delete(reply.id ?? -1);
  });
  let count = 0;
  const send = async (method: string, params: object = {}): Promise<Result> => {
    const id = ++count;
    const replied = new Promise<Reply>((resolve) => {
      waiting.set(id, resolve);
    });
    const message = JSON.stringify({ id, method, params });
    await devtools.send("Target.sendMessageToTarget", { sessionId, message });
    const { error, result = {} } = await replied;
    const thrown = result.exceptionDetails;
    const why = error?.message ?? thrown?.exception?.description ?? thrown?.text;
    if (why !== undefined) throw new Error(`Cannot ${method}: ${why}`);
    return result;
  };
  const setState = async (state: "frozen" | "active"): Promise<void> => {
    await send("Page.setWebLifecycleState", { state });
  };
  await send("Page.enable");
  await send("Runtime.enable");
  await send("Runtime.addBinding", { name: "tell" });
  await send("Page.setLifecycleEventsEnabled", { enabled: true });
  const { errorText, loaderId = "" } = await send("Page.navigate", { url });
  if (errorText) throw new Error(`Cannot open ${url}: ${errorText}`);
  // Between two documents a page has nothing that evaluates.
  while (!loaded.has(loaderId)) {
    await new Promise<void>((resolve) => {
      onLoad = resolve;
    });
  }
  return {
    async evaluate(expression) {
      const asked = { expression, awaitPromise: true, returnByValue: true };
      const { result } = await send("Runtime.evaluate", asked);
      return result?.value;
    },
    freeze: () => setState("frozen"),
    wake: () => setState("active"),
    async heapBytes() {
      await send("HeapProfiler.collectGarbage");
      const { usedSize = 0 } = await send("Runtime.getHeapUsage");
      return usedSize;
    },
    async close() {
      await devtools.send("Target.disposeBrowserContext", { browserContextId });
    },
  };
}
