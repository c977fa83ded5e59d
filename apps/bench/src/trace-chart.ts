import { mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import type { EChartsOption } from "echarts";
import { LineChart } from "echarts/charts";
import { GridComponent, LegendComponent, TitleComponent } from "echarts/components";
import { use } from "echarts/core";
import { SVGRenderer } from "echarts/renderers";
import { UsageError } from "./arguments.ts";
import { readLines } from "./json-lines.ts";
import { INK, svgOf } from "./svg.ts";
import type { TraceSample } from "./trace.ts";
import { describeParams, figure } from "./wording.ts";

use([GridComponent, LegendComponent, LineChart, SVGRenderer, TitleComponent]);

const FIRST_TOP = 84;
const PANEL_HEIGHT = 160;
const BETWEEN = 72;
const LEFT = 56;
const RIGHT = 24;

/** Lines of one unit. */
interface Panel {
  readonly unit: string;
  readonly lines: Readonly<Record<string, (sample: TraceSample) => number | undefined>>;
}

const kib = (bytes: number | undefined): number | undefined => bytes && bytes / 1_024;

const panels: readonly Panel[] = [
  {
    unit: "KiB",
    lines: {
      window: ({ windowBytes }) => kib(windowBytes),
      "in flight": ({ inFlightBytes }) => kib(inFlightBytes),
    },
  },
  {
    unit: "ms",
    lines: {
      "round trip": ({ rttMs }) => rttMs,
      "base round trip": ({ baseRttMs }) => baseRttMs,
    },
  },
];

/**
 * Draws what a sender knew over time: of the first stream in the file that has a window.
 *
 * @param trace - path of a file with the lines of `--trace`
 * @param file - where the SVG goes
 * @throws {@link UsageError} when there is no such stream
 */
export async function drawTrace(trace: string, file: string): Promise<void> {
  const all = await readLines<TraceSample>(
    trace,
    "sample of a trace",
    ({ atMs, rep }) => atMs !== undefined && rep !== undefined,
  );
  const first = all.find(({ windowBytes }) => windowBytes !== undefined);
  if (!first) throw new UsageError(`${trace}: no line is of a stream with a window`);
  const run = all.filter((one) => runOf(one) === runOf(first));
  await mkdir(dirname(file), { recursive: true });
  const height = FIRST_TOP + panels.length * (PANEL_HEIGHT + BETWEEN) - BETWEEN / 2;
  await writeFile(file, svgOf(option(first, run), height));
}

/** What sets one stream apart from all others. */
function runOf({ variant, runtime, params, rep, stream }: TraceSample): string {
  return JSON.stringify([variant, runtime, params, rep, stream]);
}

function option(
  { workload, params, variant }: TraceSample,
  run: readonly TraceSample[],
): EChartsOption {
  const heading = [workload, variant, describeParams(params)].join(", ");
  const tops = panels.map((_, index) => FIRST_TOP + index * (PANEL_HEIGHT + BETWEEN));
  const lastMs = Math.max(...run.map(({ atMs }) => atMs));
  return {
    title: [
      { text: heading, left: 0, top: 0, textStyle: { color: INK, fontSize: 18 } },
      ...panels.map(({ unit }, index) => ({
        text: unit,
        left: 0,
        top: (tops[index] ?? 0) - 34,
        textStyle: { color: INK, fontSize: 13 },
      })),
    ],
    legend: panels.map(({ lines }, index) => ({
      data: Object.keys(lines),
      left: LEFT,
      top: (tops[index] ?? 0) - 34,
      icon: "roundRect",
      // Wide: without a browser the width of text is a guess.
      itemGap: 44,
      textStyle: { color: INK },
    })),
    grid: tops.map((top) => ({ left: LEFT, right: RIGHT, top, height: PANEL_HEIGHT })),
    xAxis: panels.map((_, gridIndex) => ({
      type: "value",
      gridIndex,
      min: 0,
      max: Math.ceil(lastMs / 1_000),
      axisLabel: { color: INK, formatter: "{value} s" },
      splitLine: { show: false },
    })),
    yAxis: panels.map((_, gridIndex) => ({
      type: "value",
      gridIndex,
      min: 0,
      axisLabel: { color: INK, formatter: figure },
      splitLine: { lineStyle: { color: INK, opacity: 0.15 } },
    })),
    series: panels.flatMap(({ lines }, axis) =>
      Object.entries(lines).map(([name, valueOf]) => ({
        name,
        type: "line" as const,
        xAxisIndex: axis,
        yAxisIndex: axis,
        symbol: "none",
        lineStyle: { width: 1.5 },
        data: run.map((sample) => [sample.atMs / 1_000, valueOf(sample) ?? "-"]),
      })),
    ),
  };
}
