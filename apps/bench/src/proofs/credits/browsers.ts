import type { StartTab } from "./tab.ts";

/** Loaded when asked for: one that is not installed leaves the others alone. */
export const browsers: Readonly<Record<string, StartTab>> = {
  chromium: async () => (await import("./browsers/chromium.ts")).startChromiumTab(),
  firefox: async () => (await import("./browsers/firefox.ts")).startFirefoxTab(),
};
