import type { ConnectionView, FlowSnapshot, LaneView } from "../flow-snapshot.js";
import { Chart } from "./charts.js";

/** What a connection may hold in the process before the bar is full: mark, fragment, one picture. */
const HELD_BYTES = 3 * 65_536;
const MIB = 1 << 20;

/** What this page calls a viewer of its own, and the age of what it shows. */
interface Own {
  readonly label: string;
  readonly ageMs: number | undefined;
}

/** Shows what the server holds for every connection, and its memory. */
export class FlowPanel {
  readonly #mine: (viewer: string) => Own | undefined;
  readonly #body = document.querySelector("#flow tbody") as HTMLElement;
  readonly #memory = new Chart(
    document.querySelector("#memory") as HTMLElement,
    "Memory of the server, MiB",
    [
      { label: "resident", color: "#5fa8ff" },
      { label: "heap", color: "#41c98a" },
      { label: "held for connections", color: "#ef6a6a" },
    ],
  );

  /** @param mine - whose viewer has a name */
  constructor(mine: (viewer: string) => Own | undefined) {
    this.#mine = mine;
  }

  /** Takes a snapshot as it is sent. */
  take(message: string): void {
    const { t, connections, totals, server } = JSON.parse(message) as FlowSnapshot;
    const rows = connections.flatMap((view) => {
      return [row(view, this.#mine(view.viewer ?? "")), ...view.lanes.map(laneRow)];
    });
    this.#body.replaceChildren(...rows);
    const held = connections.reduce((sum, view) => sum + view.queuedBytes + view.bufferedBytes, 0);
    this.#memory.add(t / 1_000, [server.rssBytes / MIB, server.heapUsedBytes / MIB, held / MIB]);
    showTotals(totals);
  }
}

function row(view: ConnectionView, own: Own | undefined): HTMLElement {
  const tr = document.createElement("tr");
  if (own) tr.className = "mine";
  const held = view.queuedBytes + view.bufferedBytes;
  const reasons = Object.entries(view.drops).map(([why, { messages }]) => `${messages} ${why}`);
  tr.append(
    cell(`${view.id} ${view.route}${own ? ` (${own.label})` : ""}`),
    cell(badge(view.state)),
    cell(view.layer === null ? "" : String(view.layer)),
    cell(bar(held, HELD_BYTES), bytes(held)),
    flight(view.inFlightBytes, view.windowBytes ?? 0),
    cell(view.rttMs === null ? "–" : `${view.rttMs.toFixed(1)} ms`),
    cell(bytes(view.sentBytes)),
    cell(view.droppedMessages === 0 ? "0" : `${view.droppedMessages} (${reasons.join(", ")})`),
    cell(age(own?.ageMs ?? view.ageMs)),
  );
  return tr;
}

function laneRow({ name, state, inFlightBytes, windowBytes, rttMs }: LaneView): HTMLElement {
  const tr = document.createElement("tr");
  tr.className = "lane";
  const rest = Array.from({ length: 3 }, () => cell());
  tr.append(cell(`lane ${name}`), cell(badge(state)), cell(), cell());
  tr.append(flight(inFlightBytes, windowBytes));
  tr.append(cell(rttMs === null ? "–" : `${rttMs.toFixed(1)} ms`), ...rest);
  return tr;
}

function badge(name: string): HTMLElement {
  const span = document.createElement("span");
  span.className = "badge";
  span.dataset["state"] = name;
  span.textContent = name;
  return span;
}

function flight(inFlight: number, window: number): HTMLElement {
  const text = window > 0 ? `${bytes(inFlight)} / ${bytes(window)}` : bytes(inFlight);
  return cell(bar(inFlight, window || HELD_BYTES), text);
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

function age(ms: number | null): string {
  return ms === null ? "–" : `${(ms / 1_000).toFixed(2)} s`;
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
