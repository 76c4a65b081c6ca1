/** A stock's closes, with the days from which the returns are counted. */

import { axis, drawn, faint, font, plotted } from "./chart.js";
import { el } from "./dom.js";
import { day, fixed, price, signed } from "./format.js";
import { colour } from "./theme.js";

const MONTH = new Intl.DateTimeFormat("en-GB", { month: "short", timeZone: "UTC" });
const SECONDS = (iso) => Date.parse(`${iso}T00:00:00Z`) / 1000;

/**
 * Draw closes, oldest first, into a box; what is under the cursor is said in `readout`.
 * @param {{date: string, close: number}[]} prices
 * @param {{months: number, base_date: string | null, base_close: number | null}[]} returns
 */
export function priceChart(box, readout, prices, returns) {
  const data = [prices.map((p) => SECONDS(p.date)), prices.map((p) => p.close)];
  const bases = returns.filter((r) => r.base_date !== null && r.base_close !== null);
  const chart = plotted(box, options(prices, bases, readout), data);
  tell(readout, prices, null);
  return chart;
}

function options(prices, bases, readout) {
  return {
    scales: { y: { range: (_, low, high) => padded(low, high) } },
    axes: [
      axis({
        space: 60,
        size: 24,
        gap: 4,
        grid: { show: false },
        splits: (plot) => monthsOf(plot),
        values: (_, at) => at.map((t) => MONTH.format(new Date(t * 1000)).slice(0, 3)),
      }),
      axis({
        size: 52,
        gap: 4,
        values: (_, at, __, ___, step) => at.map((v) => fixed(v, digitsOf(step))),
      }),
    ],
    series: [
      {},
      { stroke: colour("accent"), width: 1.75, fill: faint("accent", 8), points: { show: false } },
    ],
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 6 } },
    padding: [12, 12, 0, 0],
    hooks: {
      draw: [(plot) => drawBases(plot, bases)],
      setCursor: [(plot) => tell(readout, prices, plot.cursor.idx)],
    },
  };
}

/** As many decimals as a step of the axis has: 0.25 has two. */
const digitsOf = (step) => String(step).split(".")[1]?.length ?? 0;

function padded(low, high) {
  const room = (high - low || high || 1) * 0.08;
  return [Math.max(0, low - room), high + 2 * room]; // labels stand above the line
}

/** The first day of every month, of every second one where it is narrow. */
function monthsOf(plot) {
  const { min, max } = plot.scales.x;
  const every = plot.width < 480 ? 3 : plot.width < 640 ? 2 : 1;
  const days = [];
  const at = new Date(min * 1000);
  at.setUTCDate(1);
  while (at.getTime() / 1000 <= max) {
    if (at.getTime() / 1000 >= min && at.getUTCMonth() % every === 0)
      days.push(at.getTime() / 1000);
    at.setUTCMonth(at.getUTCMonth() + 1);
  }
  return days;
}

function drawBases(plot, bases) {
  drawn(plot, (ctx) => {
    for (const base of bases) drawBase(plot, ctx, base);
  });
}

/** A line at the day, a ring at its close, and how many months it is ago. */
function drawBase(plot, ctx, base) {
  const ratio = devicePixelRatio;
  const x = Math.round(plot.valToPos(SECONDS(base.base_date), "x", true)) + 0.5;
  const { top, height } = plot.bbox;
  ctx.strokeStyle = colour("line-strong");
  ctx.lineWidth = ratio;
  ctx.setLineDash([3 * ratio, 3 * ratio]);
  stroked(ctx, () => {
    ctx.moveTo(x, top + 16 * ratio);
    ctx.lineTo(x, top + height);
  });
  ctx.setLineDash([]);
  ctx.fillStyle = colour("surface");
  ctx.strokeStyle = colour("text");
  ctx.lineWidth = 1.5 * ratio;
  stroked(ctx, () =>
    ctx.arc(x, plot.valToPos(base.base_close, "y", true), 3.5 * ratio, 0, 2 * Math.PI),
  );
  label(plot, ctx, x, `${base.months} m`);
}

function stroked(ctx, path) {
  ctx.beginPath();
  path();
  ctx.fill();
  ctx.stroke();
}

function label(plot, ctx, x, text) {
  const ratio = devicePixelRatio;
  ctx.font = font().replace("11px", `${11 * ratio}px`);
  ctx.fillStyle = colour("muted");
  ctx.textAlign = x < plot.bbox.left + 16 * ratio ? "left" : "center";
  ctx.textBaseline = "top";
  ctx.fillText(text, x, plot.bbox.top + 2 * ratio);
}

function tell(readout, prices, index) {
  const at = prices[index ?? prices.length - 1];
  const first = prices[0];
  readout.replaceChildren(
    `${day(at.date)} · `,
    el("strong", {}, price(at.close)),
    ` · ${signed(at.close / first.close - 1)} since ${day(first.date)}`,
  );
}
