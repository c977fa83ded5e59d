import type { Mode } from "./control.js";
import { FlowPanel } from "./flow-panel.js";
import { TelemetryPanel } from "./telemetry-panel.js";
import { Viewer } from "./viewer.js";

const HINTS: Record<Mode, string> = {
  live: "",
  slow: "The video of this viewer is read slowly, and the server hears what was read. The other lanes go on.",
  frozen:
    "The video of this viewer is not read until you wake it. The other lanes of its socket go on.",
};

const name = crypto.getRandomValues(new Uint32Array(1))[0]?.toString(36) ?? "";
const address = (path: string, viewer: string): string => {
  const url = new URL(`/streams/${path}?viewer=${viewer}`, location.href);
  url.protocol = url.protocol.replace("http", "ws");
  return url.href;
};
const find = (id: string): HTMLElement => document.getElementById(id) as HTMLElement;

/** The place of the comparison: the same figure, cloned before its canvas is given away. */
const plainFigure = find("video").cloneNode(true) as HTMLElement;
plainFigure.id = "plain";
plainFigure.hidden = true;
plainFigure.querySelector("canvas")?.setAttribute("aria-label", "The same video by ws.send()");
plainFigure.querySelector("strong")?.replaceChildren("plain ws.send()");
find("video").after(plainFigure);

const telemetry = new TelemetryPanel();
const flow = new FlowPanel((viewer) => {
  if (viewer === name) return { label: "this viewer", ageMs: main.ageMs };
  if (viewer === `${name}-plain`) return { label: "this viewer, plain", ageMs: plain?.ageMs };
  return undefined;
});
const main = new Viewer(find("video"), {
  url: address("live", name),
  worker: "live-worker.js",
  onMessages: (type, messages) => {
    const panel = type === "flow" ? flow : telemetry;
    for (const message of messages) panel.take(message);
  },
});
let plain: Viewer | undefined;

const slow = find("slow") as HTMLButtonElement;
const freeze = find("freeze") as HTMLButtonElement;
const wake = find("wake") as HTMLButtonElement;
const rate = find("rate") as HTMLSelectElement;
let mode: Mode = "live";

function set(next: Mode): void {
  mode = next;
  for (const viewer of [main, plain]) viewer?.set(mode, Number(rate.value));
  slow.setAttribute("aria-pressed", String(mode === "slow"));
  freeze.setAttribute("aria-pressed", String(mode === "frozen"));
  wake.disabled = mode === "live";
  find("hint").textContent = HINTS[mode];
}

slow.addEventListener("click", () => set("slow"));
freeze.addEventListener("click", () => set("frozen"));
wake.addEventListener("click", () => set("live"));
rate.addEventListener("change", () => set(mode));
if (!("VideoDecoder" in globalThis)) {
  find("hint").textContent = "This browser cannot decode video by WebCodecs: use a newer one.";
}

find("compare").addEventListener("change", ({ target }) => {
  const isOn = (target as HTMLInputElement).checked;
  plainFigure.hidden = !isOn;
  plain?.close();
  const url = address("plain", `${name}-plain`);
  plain = isOn ? new Viewer(plainFigure, { url, worker: "plain-worker.js" }) : undefined;
  set(mode);
  if (isOn) {
    find("hint").textContent = globalThis.crossOriginIsolated
      ? "The same pictures by ws.send(): freeze, and watch the server's memory. Capped at 32 MiB, then the server drops it."
      : "Open this page on localhost or over HTTPS to slow and freeze the comparison: shared memory needs that.";
  }
});
