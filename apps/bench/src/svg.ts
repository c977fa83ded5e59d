import type { EChartsOption } from "echarts";
import { init } from "echarts/core";

const WIDTH = 760;
/** Of what is compared, in its order; legible on white and on black. */
export const COLOURS: readonly string[] = ["#3d85e0", "#d97a1e", "#2f9e5f", "#b667c9"];
/** Text is of the reader's theme: an SVG sees `prefers-color-scheme`, but not the page around it. */
export const INK = "currentColor";
const THEME = `<style>
svg { color: #1f2328 }
@media (prefers-color-scheme: dark) { svg { color: #e6edf3 } }
</style>`;

/** What all charts look like. */
const LOOK: EChartsOption = {
  animation: false,
  color: [...COLOURS],
  textStyle: { fontFamily: "system-ui, sans-serif" },
};

/** Draws as SVG; what the option is made of has to be in `use()` before. */
export function svgOf(option: EChartsOption, height: number): string {
  const chart = init(null, null, { renderer: "svg", ssr: true, width: WIDTH, height });
  chart.setOption({ ...LOOK, ...option });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return `${svg.replace(">", `>\n${THEME}`)}\n`;
}
