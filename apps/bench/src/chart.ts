import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type {
  CustomSeriesOption,
  CustomSeriesRenderItem,
  EChartsOption,
  ScatterSeriesOption,
} from "echarts";
import { CustomChart, ScatterChart } from "echarts/charts";
import { GridComponent, LegendComponent, TitleComponent } from "echarts/components";
import { use } from "echarts/core";
import { SVGRenderer } from "echarts/renderers";
import { readLines } from "./json-lines.ts";
import { byRank, groupedBy, isLessBetter, type Result } from "./result.ts";
import { COLOURS, INK, svgOf } from "./svg.ts";
import { describeParams, figure, rowName, sharedParams } from "./wording.ts";

use([CustomChart, GridComponent, LegendComponent, ScatterChart, SVGRenderer, TitleComponent]);

const LANE_HEIGHT = 16;
const ROW_PADDING = 8;
const FIRST_TOP = 84;
const BETWEEN = 84;
const RIGHT = 70;
/** Pixels of a bold letter, of which names of rows are made; a guess, without a browser. */
const LETTER = 7.5;

/**
 * Draws a chart for every workload: a dot for each median, a line from minimum to maximum.
 *
 * @param results - path of a file with the lines of `--json`
 * @param folder - where each `<workload>.svg` goes
 * @returns the paths written
 * @throws `UsageError` when the file holds anything else
 */
export async function drawCharts(results: string, folder: string): Promise<string[]> {
  const all = await readLines<Result>(
    results,
    "result",
    ({ workload, median }) => typeof workload === "string" && typeof median === "number",
  );
  await mkdir(folder, { recursive: true });
  const files: string[] = [];
  for (const [workload, group] of groupedBy(all, (result) => result.workload)) {
    const file = join(folder, `${workload}.svg`);
    await writeFile(file, draw(workload, group));
    files.push(file);
  }
  return files;
}

/** One pair of axes. */
interface Panel {
  readonly title: string;
  readonly results: readonly Result[];
  /** Best last: the axis counts from below. */
  readonly variants: readonly string[];
  readonly top: number;
  readonly height: number;
}

function draw(workload: string, results: readonly Result[]): string {
  const runtimes = [...new Set(results.map(({ runtime }) => runtime))];
  const panels = layOut(results, runtimes.length);
  const last = panels.at(-1);
  const height = last ? last.top + last.height + BETWEEN / 2 : FIRST_TOP;
  return svgOf(option(workload, panels, runtimes), height);
}

/** Where nothing is compared there is nothing to draw, and a logarithm is of what is above 0. */
function layOut(results: readonly Result[], lanes: number): Panel[] {
  const panels: Panel[] = [];
  let top = FIRST_TOP;
  for (const [title, group] of groupedBy(results, titleOf)) {
    const variants = [...new Set(group.toSorted(byRank).map(rowOf))].toReversed();
    if (variants.length < 2 || group.some(({ min }) => min <= 0)) continue;
    const height = variants.length * (lanes * LANE_HEIGHT + ROW_PADDING);
    panels.push({ title, results: group, variants, top, height });
    top += height + BETWEEN;
  }
  return panels;
}

function rowOf({ variant, params }: Result): string {
  return rowName(variant, params);
}

function titleOf({ params, unit }: Result): string {
  const better = isLessBetter(unit) ? "less is better" : "more is better";
  return [describeParams(sharedParams(params)), `${unit}, ${better}`].filter(Boolean).join(": ");
}

function option(
  workload: string,
  panels: readonly Panel[],
  runtimes: readonly string[],
): EChartsOption {
  const names = panels.flatMap(({ variants }) => variants.map(({ length }) => length));
  const sides = { left: 16 + LETTER * Math.max(0, ...names), right: RIGHT };
  const heading = { text: workload, left: 0, top: 0, textStyle: { color: INK, fontSize: 18 } };
  return {
    legend: {
      data: [...runtimes],
      left: sides.left,
      top: 0,
      icon: "circle",
      // Wide: without a browser the width of text is a guess.
      itemGap: 44,
      textStyle: { color: INK },
    },
    title: [
      heading,
      ...panels.map(({ title, top }) => ({
        text: title,
        left: 0,
        top: top - 30,
        textStyle: { color: INK, fontSize: 13 },
      })),
    ],
    grid: panels.map(({ top, height }) => ({ ...sides, top, height })),
    xAxis: panels.map(({ results }, gridIndex) => ({
      type: "log",
      gridIndex,
      min: 10 ** Math.floor(Math.log10(Math.min(...results.map(({ min }) => min)))),
      max: 10 ** Math.ceil(Math.log10(Math.max(...results.map(({ max }) => max)))),
      axisLabel: { color: INK, formatter: figure },
      splitLine: { lineStyle: { color: INK, opacity: 0.15 } },
    })),
    yAxis: panels.map(({ variants }, gridIndex) => ({
      type: "category",
      gridIndex,
      data: [...variants],
      axisTick: { show: false },
      axisLine: { lineStyle: { color: INK, opacity: 0.4 } },
      axisLabel: {
        color: INK,
        formatter: (variant: string) =>
          variant.startsWith("spillway") ? `{ours|${variant}}` : variant,
        rich: { ours: { color: INK, fontWeight: "bold" } },
      },
    })),
    series: panels.flatMap((panel, index) =>
      runtimes.flatMap((runtime, lane) =>
        series(panel, index, { runtime, ...laneOf(lane, runtimes.length) }),
      ),
    ),
  };
}

/** Where a row shows one runtime: so far below its middle, in this colour. */
interface Lane {
  readonly offset: number;
  readonly colour: string;
}

function laneOf(lane: number, lanes: number): Lane {
  const colour = COLOURS[lane % COLOURS.length] ?? INK;
  return { offset: (lane - (lanes - 1) / 2) * LANE_HEIGHT, colour };
}

function series(
  { results, variants }: Panel,
  axis: number,
  { runtime, offset, colour }: Lane & { readonly runtime: string },
): [ScatterSeriesOption, CustomSeriesOption] {
  const own = results.filter((result) => result.runtime === runtime);
  const row = (result: Result): number => variants.indexOf(rowOf(result));
  const place = { name: runtime, color: colour, xAxisIndex: axis, yAxisIndex: axis };
  const range: CustomSeriesRenderItem = (_, api) => {
    const [x1 = 0, middle = 0] = api.coord([api.value(0), api.value(2)]);
    const [x2 = 0] = api.coord([api.value(1), api.value(2)]);
    const y = middle + offset;
    const median = figure(Number(api.value(3)));
    return {
      type: "group",
      children: [
        {
          type: "line",
          shape: { x1, x2, y1: y, y2: y },
          style: { stroke: colour, lineWidth: 2, opacity: 0.6 },
        },
        {
          type: "text",
          x: x2 + 8,
          y,
          style: { text: median, fill: INK, fontSize: 11, verticalAlign: "middle" },
        },
      ],
    };
  };
  return [
    {
      ...place,
      type: "scatter",
      symbolSize: 9,
      symbolOffset: [0, offset],
      data: own.map((result) => [result.median, row(result)]),
    },
    {
      ...place,
      type: "custom",
      renderItem: range,
      encode: { x: [0, 1], y: 2 },
      data: own.map((result) => [result.min, result.max, row(result), result.median]),
    },
  ];
}
