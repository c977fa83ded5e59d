import type { Browser } from "playwright-core";

/** A page that can be put to sleep. */
export interface SleepingPage {
  evaluate(expression: string): Promise<unknown>;
  /** As the browser does with a tab in the background: no task of the page or its workers runs. */
  freeze(): Promise<void>;
  wake(): Promise<void>;
}

/** What the page's end says: the answer to a request, or an event. */
interface Answer {
  readonly id?: number;
  readonly method?: string;
  readonly result?: { readonly result?: { readonly value?: unknown } };
  readonly error?: { readonly message: string };
}

/**
 * Opens a page beside those of Playwright, which tells its own that they are in the foreground; and a
 * page in the foreground is never frozen.
 */
export async function openSleepingPage(browser: Browser, url: string): Promise<SleepingPage> {
  const devtools = await browser.newBrowserCDPSession();
  const { browserContextId } = await devtools.send("Target.createBrowserContext");
  const blank = { url: "about:blank", browserContextId };
  const { targetId } = await devtools.send("Target.createTarget", blank);
  const { sessionId } = await devtools.send("Target.attachToTarget", { targetId, flatten: false });
  const waiting = new Map<number, (answer: Answer) => void>();
  let onLoad = (): void => {};
  const loaded = new Promise<void>((resolve) => {
    onLoad = resolve;
  });
  devtools.on("Target.receivedMessageFromTarget", (event) => {
    if (event.sessionId !== sessionId) return;
    const answer = JSON.parse(event.message) as Answer;
    if (answer.method === "Page.loadEventFired") onLoad();
    waiting.get(answer.id ?? -1)?.(answer);
    waiting.delete(answer.id ?? -1);
  });
  let count = 0;
  const send = async (method: string, params: object): Promise<Answer> => {
    const id = ++count;
    const answered = new Promise<Answer>((resolve) => {
      waiting.set(id, resolve);
    });
    const message = JSON.stringify({ id, method, params });
    await devtools.send("Target.sendMessageToTarget", { sessionId, message });
    const answer = await answered;
    if (answer.error) throw new Error(`Cannot ${method}: ${answer.error.message}`);
    return answer;
  };
  // Between two documents a page has nothing that evaluates.
  await send("Page.enable", {});
  await send("Page.navigate", { url });
  await loaded;
  const setState = async (state: "frozen" | "active"): Promise<void> => {
    await send("Page.setWebLifecycleState", { state });
  };
  return {
    evaluate: async (expression) => {
      const { result } = await send("Runtime.evaluate", { expression, returnByValue: true });
      return result?.result?.value;
    },
    freeze: () => setState("frozen"),
    wake: () => setState("active"),
  };
}
