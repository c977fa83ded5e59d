/** What is used of a Chromium that Playwright has started. */
export interface DevtoolsBrowser {
  newBrowserCDPSession(): Promise<DevtoolsSession>;
  on(event: "disconnected", listener: () => void): unknown;
  off(event: "disconnected", listener: () => void): unknown;
}

/** What is used of a session of Chromium's DevTools protocol. */
export interface DevtoolsSession {
  send(method: string, params?: object): Promise<unknown>;
  on(event: string, listener: (payload: { sessionId: string; message: string }) => void): unknown;
  detach(): Promise<unknown>;
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
  /** Ends it; whatever it was asked and has not answered rejects, as it does when the page or its browser is gone. */
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
  const page = new Page(devtools, url, options);
  const onGone = (): void => page.lose("its browser is gone");
  browser.on("disconnected", onGone);
  const close = async (): Promise<void> => {
    browser.off("disconnected", onGone);
    page.lose("it was closed");
    await devtools.send("Target.disposeBrowserContext", { browserContextId });
    await devtools.detach();
  };
  try {
    await page.open(browserContextId);
  } catch (error) {
    // Not of the browser that is gone, which would say no more than that.
    await close().catch(() => {});
    throw error;
  }
  const setState = async (state: "frozen" | "active"): Promise<void> => {
    await page.send("Page.setWebLifecycleState", { state });
  };
  return {
    async evaluate(expression) {
      const asked = { expression, awaitPromise: true, returnByValue: true };
      const { result } = await page.send("Runtime.evaluate", asked);
      return result?.value;
    },
    freeze: () => setState("frozen"),
    wake: () => setState("active"),
    async heapBytes() {
      await page.send("HeapProfiler.collectGarbage");
      const { usedSize = 0 } = await page.send("Runtime.getHeapUsage");
      return usedSize;
    },
    close,
  };
}

/** A page, by way of the session of its browser. */
class Page {
  readonly #devtools: DevtoolsSession;
  readonly #url: string;
  readonly #onTold: ((text: string) => void) | undefined;
  readonly #waiting = new Map<number, (reply: Reply) => void>();
  /** Documents that have loaded. */
  readonly #loaded = new Set<string>();
  #onLoad: (() => void) | undefined;
  #sessionId = "";
  #count = 0;
  #lost: string | undefined;

  constructor(devtools: DevtoolsSession, url: string, { onTold }: BackgroundPageOptions) {
    this.#devtools = devtools;
    this.#url = url;
    this.#onTold = onTold;
    devtools.on("Target.receivedMessageFromTarget", ({ sessionId, message }) => {
      if (sessionId === this.#sessionId) this.#hear(JSON.parse(message) as Reply);
    });
    devtools.on("Target.detachedFromTarget", ({ sessionId }) => {
      if (sessionId === this.#sessionId) this.lose("it is gone");
    });
  }

  async open(browserContextId: string): Promise<void> {
    const blank = { url: "about:blank", browserContextId };
    const { targetId } = (await this.#devtools.send("Target.createTarget", blank)) as {
      targetId: string;
    };
    const target = { targetId, flatten: false };
    const { sessionId } = (await this.#devtools.send("Target.attachToTarget", target)) as {
      sessionId: string;
    };
    this.#sessionId = sessionId;
    await this.send("Page.enable");
    await this.send("Runtime.enable");
    await this.send("Runtime.addBinding", { name: "tell" });
    await this.send("Page.setLifecycleEventsEnabled", { enabled: true });
    const { errorText, loaderId = "" } = await this.send("Page.navigate", { url: this.#url });
    if (errorText) this.lose(errorText);
    // Between two documents a page has nothing that evaluates.
    while (!this.#loaded.has(loaderId)) {
      this.#check("open the page");
      await new Promise<void>((resolve) => {
        this.#onLoad = resolve;
      });
    }
  }

  async send(method: string, params: object = {}): Promise<Result> {
    this.#check(method);
    const id = ++this.#count;
    const replied = new Promise<Reply>((resolve) => {
      this.#waiting.set(id, resolve);
    });
    const message = JSON.stringify({ id, method, params });
    const asked = { sessionId: this.#sessionId, message };
    await this.#devtools.send("Target.sendMessageToTarget", asked);
    const { error, result = {} } = await replied;
    const thrown = result.exceptionDetails;
    const why = error?.message ?? thrown?.exception?.description ?? thrown?.text;
    if (why !== undefined) throw new Error(`Cannot ${method}: ${why}`);
    return result;
  }

  /** It will answer no more. */
  lose(why: string): void {
    this.#lost ??= why;
    for (const answer of this.#waiting.values()) answer({ error: { message: this.#lost } });
    this.#waiting.clear();
    this.#onLoad?.();
  }

  #hear({ id = -1, method, params = {}, ...reply }: Reply): void {
    if (method === "Inspector.targetCrashed") this.lose("it has crashed");
    if (method === "Runtime.bindingCalled") this.#onTold?.(params.payload ?? "");
    if (method === "Page.lifecycleEvent" && params.name === "load") {
      this.#loaded.add(params.loaderId ?? "");
      this.#onLoad?.();
    }
    this.#waiting.get(id)?.(reply);
    this.#waiting.delete(id);
  }

  #check(what: string): void {
    if (this.#lost !== undefined) throw new Error(`Cannot ${what}, ${this.#url}: ${this.#lost}`);
  }
}
