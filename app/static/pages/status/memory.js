/** Memory against its limit: the chart of the last 15 minutes. */

import { percent, whole } from "../numbers.js";
import { Loading } from "../states.js";
import { html, useLayoutEffect, useRef, useState } from "../ui.js";
import { t } from "../words.js";
import { megabytes, Panel } from "./parts.js";
import { clock, minute } from "./times.js";
import { WINDOW_MS } from "./watch.js";

const HEIGHT = 216;
const ROOM = { left: 44, right: 8, top: 8, bottom: 22 };
const GRID_MINUTES = 5;
const STEPS = [32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16_384, 32_768];

/** `jobs` are the refreshes whose times are marked. */
export function Memory({ watch, jobs, old }) {
  const [at, point] = useState(null);
  const { samples } = watch;
  const newest = samples?.at(-1);
  const sample = samples?.[at ?? -1] ?? newest;
  return html`
    <${Panel} name="memory" title=${t("status.memory")} old=${old} aside=${sample && html`<${Reading} sample=${sample} past=${sample !== newest} />`}>
      ${newest ? html`<${Chart} watch=${watch} jobs=${jobs} sample=${sample} point=${point} />` : html`<${Loading} rows=${6} />`}
      <ul class="legend" aria-hidden="true">
        ${["usage", "service", "refresh", "levels"].map((one) => html`<li><i class="key key--${one}"></i>${t(`status.legend.${one}`)}</li>`)}
      </ul>
    <//>
  `;
}

const Reading = ({ sample, past }) => html`
  ${past && `${clock(sample.at)} · `}<b>${megabytes(sample.usage_mb)}</b> ${t("status.of_limit", { limit: megabytes(sample.limit_mb) })}
  ${" · "}${t("status.service", { size: megabytes(sample.process_mb) })}${sample.child_mb !== null && ` · ${t("status.refresh.uses", { size: megabytes(sample.child_mb) })}`}
`;

function useWidth() {
  const box = useRef();
  const [width, set] = useState(600);
  useLayoutEffect(() => {
    const observer = new ResizeObserver(([entry]) => set(Math.max(200, Math.round(entry.contentRect.width))));
    observer.observe(box.current);
    return () => observer.disconnect();
  }, []);
  return [box, width];
}

function Chart({ watch, jobs, sample, point }) {
  const [box, width] = useWidth();
  const { samples, limit, levels } = watch;
  const newest = samples.at(-1);
  const last = Date.parse(newest.at);
  const most = Math.max(...samples.map((one) => one.usage_mb));
  const high = Math.max(limit * 1.06, most * 1.05);
  const x = (when) => ROOM.left + ((when - last + WINDOW_MS) / WINDOW_MS) * (width - ROOM.left - ROOM.right);
  const y = (mb) => ROOM.top + (1 - mb / high) * (HEIGHT - ROOM.top - ROOM.bottom);
  const look = (event) => {
    const left = box.current.getBoundingClientRect().left;
    const when = last - WINDOW_MS + ((event.clientX - left - ROOM.left) / (width - ROOM.left - ROOM.right)) * WINDOW_MS;
    const found = samples.findIndex((one) => Date.parse(one.at) >= when);
    point(found < 0 ? null : found);
  };
  const values = { now: megabytes(newest.usage_mb), limit: megabytes(limit), share: percent(newest.percent / 100, 1), most: megabytes(most) };
  return html`
    <div class="memory" id="memory-plot" ref=${box}>
      <svg viewBox="0 0 ${width} ${HEIGHT}" role="img" aria-label=${t("status.memory.label", values)} onPointerMove=${look} onPointerLeave=${() => point(null)}>
        <${Grid} x=${x} y=${y} width=${width} limit=${limit} last=${last} />
        ${jobs.map((job) => html`<${Span} job=${job} x=${x} last=${last} />`)}
        <path class="memory__area" d="${line(samples, "usage_mb", x, y)}V${y(0)}H${x(Date.parse(samples[0].at)).toFixed(1)}Z" />
        <path class="line line--index" d=${line(samples, "process_mb", x, y)} />
        <path class="line line--own" d=${line(samples, "usage_mb", x, y)} />
        <${Level} kind="limit" mb=${limit} text=${t("status.level.limit", { size: megabytes(limit) })} y=${y} width=${width} />
        <${Level} kind="critical" mb=${(limit * levels.critical) / 100} text=${t("status.level.critical", { share: percent(levels.critical / 100) })} y=${y} width=${width} />
        <${Level} kind="warning" mb=${(limit * levels.warning) / 100} text=${t("status.level.warning", { share: percent(levels.warning / 100) })} y=${y} width=${width} />
        ${sample !== newest && html`<line class="lines__at" x1=${x(Date.parse(sample.at))} x2=${x(Date.parse(sample.at))} y1=${ROOM.top} y2=${HEIGHT - ROOM.bottom} />`}
      </svg>
    </div>
  `;
}

const line = (samples, name, x, y) =>
  samples.map((one, i) => `${i ? "L" : "M"}${x(Date.parse(one.at)).toFixed(1)} ${y(one[name]).toFixed(1)}`).join("");

function Grid({ x, y, width, limit, last }) {
  const step = STEPS.find((one) => limit / one <= 4) ?? limit / 4;
  const sizes = Array.from({ length: Math.floor(limit / step) + 1 }, (_, i) => i * step);
  const every = GRID_MINUTES * 60_000;
  const first = Math.ceil((last - WINDOW_MS) / every) * every;
  const times = [first, first + every, first + 2 * every, first + 3 * every].filter((one) => one <= last);
  return html`
    ${sizes.map((mb) => html`
      <line class="lines__grid" x1=${ROOM.left} x2=${width - ROOM.right} y1=${y(mb)} y2=${y(mb)} />
      <text class="lines__text" x=${ROOM.left - 6} y=${y(mb) + 4} text-anchor="end">${whole(mb)}</text>
    `)}
    ${times
      .filter((one) => x(one) > ROOM.left + 16 && x(one) < width - 20)
      .map((one) => html`<text class="lines__text" x=${x(one)} y=${HEIGHT - 6} text-anchor="middle">${minute(one)}</text>`)}
  `;
}

/** A refresh from its start to its end, or until now. */
function Span({ job, x, last }) {
  const left = x(Math.max(Date.parse(job.started_at), last - WINDOW_MS));
  const right = x(Math.min(job.finished_at ? Date.parse(job.finished_at) : last, last));
  if (right <= ROOM.left) return null;
  const kind = job.status === "failed" ? "memory__span memory__span--failed" : "memory__span";
  return html`<rect class=${kind} x=${left} width=${Math.max(right - left, 2)} y=${ROOM.top} height=${HEIGHT - ROOM.top - ROOM.bottom} />`;
}

const Level = ({ kind, mb, text, y, width }) => html`
  <g class="memory__level memory__level--${kind}">
    <line x1=${ROOM.left} x2=${width - ROOM.right} y1=${y(mb)} y2=${y(mb)} />
    <text x=${ROOM.left + 4} y=${y(mb) + 12}>${text}</text>
  </g>
`;
