/** Building nodes. Text from the server only ever becomes a text node or an attribute. */

/**
 * An element with attributes and children. Null, undefined and false children and attributes are
 * left out; a function is a listener, under the name of its event.
 * @param {string} tag
 * @param {Record<string, unknown>} [attributes]
 * @param {...unknown} children
 * @returns {HTMLElement}
 */
export function el(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

/** The same for SVG. */
export function svg(tag, attributes = {}, ...children) {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function filled(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) set(node, name, value);
  node.append(...children.flat(Infinity).filter(isShown));
  return node;
}

function set(node, name, value) {
  if (typeof value === "function") node.addEventListener(name, value);
  else if (isShown(value)) node.setAttribute(name, value === true ? "" : String(value));
}

const isShown = (value) => value !== null && value !== undefined && value !== false;

/** @param {string} id */
export function byId(id) {
  const node = document.getElementById(id);
  if (!node) throw new Error(`the page has no #${id}`);
  return node;
}

/** Text for screen readers only. */
export const hidden = (text) => el("span", { class: "vh" }, text);

/** Text for the eye, and the text that a screen reader says in its place. */
export const seenAs = (seen, said, attributes = {}) => [
  el("span", { ...attributes, "aria-hidden": "true" }, seen),
  hidden(said),
];

/** A bar that is filled to a fraction from 0 to 1. */
export function bar(fraction) {
  const fill = el("i");
  fill.style.width = `${100 * Math.min(1, Math.max(0, fraction))}%`;
  return el("span", { class: "bar", "aria-hidden": "true" }, fill);
}

/** Replace what a region shows, which is then loaded. */
export function show(region, ...nodes) {
  region.replaceChildren(...nodes.flat(Infinity).filter(isShown));
  region.removeAttribute("aria-busy");
}

/** Grey bars while something loads. */
export function skeletons(count) {
  const bars = Array.from({ length: count }, () => el("span", { class: "skeleton" }));
  return el("div", { class: "skeletons" }, el("span", { class: "vh" }, "Loading"), bars);
}

/** A sentence or two in place of what cannot be shown, with a way on. */
export const state = (title, text, ...actions) =>
  el("div", { class: "state" }, el("strong", {}, title), text && el("p", {}, text), actions);

const SHAPES = {
  ok: "M8 1.75a6.25 6.25 0 1 0 0 12.5a6.25 6.25 0 0 0 0-12.5zM5.25 8.25l2 2l3.5-4.25",
  warning: "M8 2L1.5 13.5h13zM8 6.5v3M8 11.5v.1",
  critical: "M5.25 1.75h5.5l3.5 3.5v5.5l-3.5 3.5h-5.5l-3.5-3.5v-5.5zM8 4.75v4M8 11v.1",
  unknown: "M8 1.75a6.25 6.25 0 1 0 0 12.5a6.25 6.25 0 0 0 0-12.5zM5.5 8h5",
  no: "M8 1.75a6.25 6.25 0 1 0 0 12.5a6.25 6.25 0 0 0 0-12.5zM5.75 5.75l4.5 4.5M10.25 5.75l-4.5 4.5",
};

/**
 * A sign that differs in shape as well as in colour.
 * @param {"ok"|"warning"|"critical"|"unknown"} status
 */
export function icon(status, said = status, shape = status) {
  const drawn = svg(
    "svg",
    { viewBox: "0 0 16 16", class: `icon icon--${status}`, "aria-hidden": "true" },
    svg("path", { d: SHAPES[shape] ?? SHAPES.unknown }),
  );
  return [drawn, said && hidden(`${said}: `)];
}
