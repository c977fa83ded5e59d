import uPlot from "uplot";

/** One line of a chart. */
export interface Line {
  readonly label: string;
  readonly color: string;
}

const KEEP_ROWS = 240;

/** A chart of the last rows given to it, drawn when the page next paints. */
export class Chart {
  readonly #plot: uPlot;
  readonly #rows: (number | null)[][];
  #isPainting = false;

  constructor(parent: HTMLElement, title: string, lines: readonly Line[]) {
    this.#rows = [[], ...lines.map(() => [])];
    const grid = { stroke: "#2a333f", width: 1 };
    this.#plot = new uPlot(
      {
        title,
        width: parent.clientWidth || 320,
        height: 170,
        cursor: { show: false },
        legend: { live: false },
        axes: [
          { stroke: "#8b98a8", grid },
          { stroke: "#8b98a8", grid, size: 58 },
        ],
        series: [{}, ...lines.map(({ label, color }) => ({ label, stroke: color, width: 1.5 }))],
      },
      this.#rows as uPlot.AlignedData,
      parent,
    );
    new ResizeObserver(() => {
      this.#plot.setSize({ width: parent.clientWidth, height: 170 });
    }).observe(parent);
  }

  /** @param seconds - since the Unix epoch */
  add(seconds: number, values: readonly (number | undefined)[]): void {
    this.#rows[0]?.push(seconds);
    values.forEach((value, index) => this.#rows[index + 1]?.push(value ?? null));
    if ((this.#rows[0]?.length ?? 0) > KEEP_ROWS) for (const row of this.#rows) row.shift();
    if (this.#isPainting) return;
    this.#isPainting = true;
    requestAnimationFrame(() => {
      this.#isPainting = false;
      this.#plot.setData(this.#rows as uPlot.AlignedData);
    });
  }
}
