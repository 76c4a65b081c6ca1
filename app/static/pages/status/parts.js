/** Parts that the panels of this page share. */

import { NONE, date, decimal, whole } from "../numbers.js";
import { Failed, Loading } from "../states.js";
import { html } from "../ui.js";
import { t } from "../words.js";

export const megabytes = (value) => (value == null ? NONE : `${whole(value)}\u00a0MB`);
export const ofBytes = (bytes) => (bytes == null ? NONE : `${decimal(bytes / 1e6, 1)}\u00a0MB`);

/** Room on a disk: in gigabytes where there is much. */
export const room = (mb) => (mb >= 10_000 ? `${whole(mb / 1000)}\u00a0GB` : megabytes(mb));

/** Text of the service as a sentence, with its days as the page writes them. */
export function sentence(text) {
  const dated = (text ?? "").replace(/\b\d{4}-\d{2}-\d{2}\b/g, (day) => date(day));
  const capital = dated.charAt(0).toUpperCase() + dated.slice(1);
  return !capital || /[.!?]$/.test(capital) ? capital : `${capital}.`;
}

/** Orders by gravity. */
export const GRAVITY = { critical: 0, warning: 1 };

/** A panel with its heading; `old` says of when it is where the service is lost. */
export const Panel = ({ name, title, old, aside, children }) => html`
  <section class="panel" aria-labelledby="${name}-title">
    <header class="panel__head">
      <h2 id="${name}-title">${title}</h2>
      ${old && html`<span class="old-mark">${old}</span>`}
      <p class="panel__aside">${aside}</p>
    </header>
    <div id=${name}>${children}</div>
  </section>
`;

/**
 * What a panel shows of an answer. `empty` is true where nothing is published, and null while that
 * is not known; `nothing` is shown there.
 */
export function Shown({ of, rows, empty = false, nothing, children }) {
  const none = of.error?.status === 503 && empty !== false;
  if (none && empty) return nothing;
  if (of.data !== undefined && !none) return children(of.data);
  return of.error && !none ? html`<${Failed} error=${of.error} again=${of.again} />` : html`<${Loading} rows=${rows} />`;
}

const SHAPES = {
  ok: "M8 1.75a6.25 6.25 0 1 0 0 12.5a6.25 6.25 0 0 0 0-12.5zM5.25 8.25l2 2l3.5-4.25",
  warning: "M8 2L1.5 13.5h13zM8 6.5v3M8 11.5v.1",
  critical: "M5.25 1.75h5.5l3.5 3.5v5.5l-3.5 3.5h-5.5l-3.5-3.5v-5.5zM8 4.75v4M8 11v.1",
  unknown: "M8 1.75a6.25 6.25 0 1 0 0 12.5a6.25 6.25 0 0 0 0-12.5zM5.5 8h5",
};

/** A sign that differs in shape as well as in colour; it is said in words unless it is `mute`. */
export const Icon = ({ status, mute }) => html`
  <svg viewBox="0 0 16 16" class="icon icon--${status}" aria-hidden="true"><path d=${SHAPES[status] ?? SHAPES.unknown} /></svg>
  ${!mute && html`<span class="vh">${t(`status.is.${status}`)}: </span>`}
`;

/** A bar that is filled to a fraction from 0 to 1. */
export const Bar = ({ fraction }) => html`
  <span class="bar" aria-hidden="true"><i style=${{ width: `${100 * Math.min(1, Math.max(0, fraction))}%` }}></i></span>
`;

/** Names and values; a null value is left out. */
export const Pairs = ({ of }) => html`
  <dl class="pairs">
    ${of.filter(([, value]) => value != null).map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}
  </dl>
`;

export const Quiet = ({ title, text }) => html`
  <div class="state"><p class="state__title">${title}</p><p>${text}</p></div>
`;
