/** Parts that the charts share: their size, their axes, the font. */

import { colour } from "./theme.js";

const { uPlot } = /** @type {any} */ (window);

/** The font of labels on a canvas. */
export const font = () => `11px ${getComputedStyle(document.body).fontFamily}`;

/** A chart that keeps the size of its box; `options` without width and height. */
export function plotted(box, options, data) {
  const size = () => ({ width: Math.floor(box.clientWidth), height: Math.floor(box.clientHeight) });
  const plot = new uPlot({ legend: { show: false }, ...size(), ...options }, data, box);
  const observer = new ResizeObserver(() => box.clientWidth && plot.setSize(size()));
  observer.observe(box);
  return {
    plot,
    remove: () => {
      observer.disconnect();
      plot.destroy();
    },
  };
}

/** An axis in the page's colours. */
export const axis = (options) => ({
  stroke: colour("muted"),
  font: font(),
  grid: { stroke: colour("line"), width: 1 },
  ticks: { show: false },
  ...options,
});

/** Draw on the plot's area only, in device pixels. */
export function drawn(plot, draw) {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  draw(ctx, bbox);
  ctx.restore();
}

/** A colour with an alpha, for areas. */
export const faint = (token, percent) =>
  `color-mix(in srgb, ${colour(token)} ${percent}%, transparent)`;
