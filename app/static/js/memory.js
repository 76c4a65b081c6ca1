/** Memory against its limit: the chart of the last 15 minutes. */

import { axis, drawn, faint, font, plotted } from "./chart.js";
import { byId, el, show } from "./dom.js";
import { clock, megabytes, minute, share, whole } from "./format.js";
import { colour } from "./theme.js";

const WINDOW = 15 * 60;
const SECONDS = (iso) => Date.parse(iso) / 1000;

/**
 * @typedef {{at: string, process_mb: number, child_mb: number | null, usage_mb: number,
 *   limit_mb: number, percent: number}} Sample
 * @typedef {{start: number, end: number | null, failed: boolean}} Span
 */

export class MemoryChart {
  constructor() {
    this.box = byId("memory-plot");
    /** @type {Sample[]} */ this.samples = [];
    /** @type {Span[]} */ this.spans = [];
    this.levels = { warning: 75, critical: 90 };
    this.limit = 1024;
  }

  /** Take all samples at once, as the stream begins. */
  reset(samples, limit) {
    this.samples = samples;
    this.limit = limit ?? samples.at(-1)?.limit_mb ?? this.limit;
    this.redraw();
  }

  /** @param {Sample} sample */
  add(sample) {
    const first = SECONDS(sample.at) - WINDOW;
    this.samples = [...this.samples.filter((s) => SECONDS(s.at) >= first), sample];
    this.limit = sample.limit_mb ?? this.limit;
    this.#update();
  }

  /** The percents of the limit that warn and that shed load. */
  setLevels(warning, critical) {
    this.levels = {
      warning: warning ?? this.levels.warning,
      critical: critical ?? this.levels.critical,
    };
    this.plot?.redraw();
  }

  /** When refreshes ran. @param {Span[]} spans */
  setSpans(spans) {
    this.spans = spans;
    this.plot?.redraw();
  }

  /** Make the chart anew, in the present colours. */
  redraw() {
    this.chart?.remove();
    this.chart = null;
    if (!this.samples.length) return show(this.box);
    this.box.replaceChildren();
    this.chart = plotted(this.box, this.#options(), this.#data());
    this.#tell();
  }

  get plot() {
    return this.chart?.plot;
  }

  #update() {
    if (document.hidden) return;
    if (!this.chart) return this.redraw();
    this.plot.setData(this.#data());
    this.#tell();
  }

  #data() {
    const column = (value) => this.samples.map(value);
    return [column((s) => SECONDS(s.at)), column((s) => s.usage_mb), column((s) => s.process_mb)];
  }

  #options() {
    return {
      scales: {
        x: { range: () => this.#window() },
        y: { range: (_, __, most) => [0, Math.max(this.limit * 1.06, most * 1.05)] },
      },
      axes: [
        axis({
          space: 70,
          size: 24,
          gap: 4,
          grid: { show: false },
          values: (_, at) => at.map((t) => minute(new Date(t * 1000))),
        }),
        axis({ size: 48, gap: 4, splits: () => this.#splits(), values: (_, at) => at.map(whole) }),
      ],
      series: [
        {},
        {
          stroke: colour("accent"),
          width: 1.75,
          fill: faint("accent", 12),
          points: { show: false },
        },
        { stroke: colour("muted"), width: 1, points: { show: false } },
      ],
      cursor: { y: false, drag: { x: false, y: false }, points: { size: 6 } },
      padding: [8, 8, 0, 0],
      hooks: {
        drawClear: [(plot) => this.#drawSpans(plot)],
        draw: [(plot) => this.#drawLevels(plot)],
        setCursor: [(plot) => this.#tell(plot.cursor.idx)],
      },
    };
  }

  #window() {
    const last = SECONDS(this.samples.at(-1).at);
    return [last - WINDOW, last];
  }

  #splits() {
    const step =
      [32, 64, 128, 256, 512, 1024, 2048, 4096, 8192].find((s) => this.limit / s <= 4) ??
      this.limit / 4;
    return Array.from({ length: Math.floor(this.limit / step) + 1 }, (_, i) => i * step);
  }

  #drawSpans(plot) {
    drawn(plot, (ctx, box) => {
      for (const span of this.spans) drawSpan(plot, ctx, box, span);
    });
  }

  #drawLevels(plot) {
    const { warning, critical } = this.levels;
    drawn(plot, (ctx, box) => {
      drawLevel(plot, ctx, box, {
        mb: this.limit,
        token: "text",
        label: `limit ${megabytes(this.limit)}`,
        dash: [],
      });
      drawLevel(plot, ctx, box, {
        mb: (this.limit * critical) / 100,
        token: "down",
        label: `critical ${critical}%`,
        dash: [2, 3],
      });
      drawLevel(plot, ctx, box, {
        mb: (this.limit * warning) / 100,
        token: "warn",
        label: `warning ${warning}%`,
        dash: [6, 4],
      });
    });
  }

  /** Say the sample under the cursor, else the newest, and describe the chart. */
  #tell(index = null) {
    const newest = this.samples.at(-1);
    const sample = this.samples[index ?? -1] ?? newest;
    byId("memory-readout").replaceChildren(...readout(sample, index !== null && sample !== newest));
    const most = Math.max(...this.samples.map((s) => s.usage_mb));
    byId("memory-chart").setAttribute(
      "aria-label",
      `Memory over the last 15 minutes: now ${megabytes(newest.usage_mb)} of ${megabytes(this.limit)}, ` +
        `${share(newest.percent / 100)}; the peak was ${megabytes(most)}.`,
    );
  }
}

function readout(sample, isPast) {
  const child = sample.child_mb === null ? "" : `, refresh ${megabytes(sample.child_mb)}`;
  const when = isPast ? `${clock(new Date(sample.at))} · ` : "";
  return [
    when,
    el("strong", {}, megabytes(sample.usage_mb)),
    ` of ${megabytes(sample.limit_mb)} · service ${megabytes(sample.process_mb)}${child}`,
  ];
}

function drawSpan(plot, ctx, box, { start, end, failed }) {
  const last = plot.scales.x.max;
  const left = plot.valToPos(start, "x", true);
  const right = plot.valToPos(end ?? last, "x", true);
  if (right < box.left || left > box.left + box.width) return;
  ctx.fillStyle = faint(failed ? "down" : "text", failed ? 14 : 9);
  ctx.fillRect(left, box.top, Math.max(right - left, 2 * devicePixelRatio), box.height);
  ctx.fillStyle = colour(failed ? "down" : "muted");
  ctx.fillRect(left, box.top, devicePixelRatio, box.height);
}

function drawLevel(plot, ctx, box, { mb, token, label, dash }) {
  const ratio = devicePixelRatio;
  const y = Math.round(plot.valToPos(mb, "y", true)) + 0.5;
  ctx.strokeStyle = ctx.fillStyle = colour(token);
  ctx.lineWidth = ratio;
  ctx.setLineDash(dash.map((d) => d * ratio));
  ctx.beginPath();
  ctx.moveTo(box.left, y);
  ctx.lineTo(box.left + box.width, y);
  ctx.stroke();
  ctx.font = font().replace("11px", `${10.5 * ratio}px`);
  ctx.textBaseline = "top";
  ctx.textAlign = "left";
  ctx.fillText(label, box.left + 4 * ratio, y + 3 * ratio);
}

/** When a refresh ran, or since when it has. @returns {Span} */
export const spanOf = (job) => ({
  start: SECONDS(job.started_at),
  end: job.finished_at ? SECONDS(job.finished_at) : null,
  failed: job.status === "failed",
});
