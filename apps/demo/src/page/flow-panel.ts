import type { ConnectionView, FlowSnapshot } from "../flow-snapshot.js";
import { Chart } from "./charts.js";
import { Feed } from "./feed.js";

/** What a connection may hold in the process before the bar is full: mark, fragment, one picture. */
const HELD_BYTES = 3 * 65_536;
const MIB = 1 << 20;

/**
 * Shows what the server holds for every connection, and its memory.
 *
 * @param mine - the names this page gave its viewers, and the age of what each shows
 */
export function startFlowPanel(
  url: string,
  mine: (
    viewer: string,
  ) => { readonly label: string; readonly ageMs: number | undefined } | undefined,
): void {
  const body = document.querySelector("#flow tbody") as HTMLElement;
  const memory = new Chart(
    document.querySelector("#memory") as HTMLElement,
    "Memory of the server, MiB",
    [
      { label: "resident", color: "#5fa8ff" },
      { label: "heap", color: "#41c98a" },
      { label: "held for connections", color: "#ef6a6a" },
    ],
  );

  const feed = new Feed(url, {
    message: (data) => {
      const { t, connections, totals, server } = JSON.parse(data as string) as FlowSnapshot;
      body.replaceChildren(...connections.map((view) => row(view, mine(view.viewer ?? ""))));
      const held = connections.reduce(
        (sum, view) => sum + view.queuedBytes + view.bufferedBytes,
        0,
      );
      memory.add(t / 1_000, [server.rssBytes / MIB, server.heapUsedBytes / MIB, held / MIB]);
      showTotals(totals);
    },
    connected: () => {},
  });
  feed.start();
}

function row(
  view: ConnectionView,
  own: { readonly label: string; readonly ageMs: number | undefined } | undefined,
): HTMLElement {
  const tr = document.createElement("tr");
  if (own) tr.className = "mine";
  const held = view.queuedBytes + view.bufferedBytes;
  const state = document.createElement("span");
  state.className = "badge";
  state.dataset["state"] = view.state;
  state.textContent = view.state;
  const reasons = Object.entries(view.drops).map(([why, { messages }]) => `${messages} ${why}`);
  const window = view.windowBytes ?? 0;
  const flight =
    window > 0 ? `${bytes(view.inFlightBytes)} / ${bytes(window)}` : bytes(view.inFlightBytes);
  tr.append(
    cell(`${view.id} ${view.route}${own ? ` (${own.label})` : ""}`),
    cell(state),
    cell(view.layer === null ? "" : String(view.layer)),
    cell(bar(held, HELD_BYTES), bytes(held)),
    cell(bar(view.inFlightBytes, window || HELD_BYTES), flight),
    cell(view.rttMs === null ? "–" : `${view.rttMs.toFixed(1)} ms`),
    cell(bytes(view.sentBytes)),
    cell(view.droppedMessages === 0 ? "0" : `${view.droppedMessages} (${reasons.join(", ")})`),
    cell(own?.ageMs === undefined ? "" : `${(own.ageMs / 1_000).toFixed(2)} s`),
  );
  return tr;
}

function cell(...content: (string | Node)[]): HTMLElement {
  const td = document.createElement("td");
  td.append(...content);
  return td;
}

function bar(value: number, max: number): HTMLElement {
  const meter = document.createElement("meter");
  meter.max = max;
  meter.high = max * 0.75;
  meter.value = value;
  return meter;
}

function bytes(value: number): string {
  if (value < 1_024) return `${value} B`;
  return value < MIB ? `${(value / 1_024).toFixed(0)} KiB` : `${(value / MIB).toFixed(1)} MiB`;
}

function showTotals(totals: FlowSnapshot["totals"]): void {
  const list = document.querySelector("#totals") as HTMLElement;
  const shown: readonly [string, string][] = [
    ["connections", String(totals.connections)],
    ["sent", bytes(totals.sentBytes)],
    ["dropped", `${totals.droppedMessages}`],
    ["evicted", String(totals.evicted)],
  ];
  list.replaceChildren(
    ...shown.map(([name, value]) => {
      const group = document.createElement("div");
      const term = document.createElement("dt");
      const definition = document.createElement("dd");
      term.textContent = name;
      definition.textContent = value;
      group.append(term, definition);
      return group;
    }),
  );
}
