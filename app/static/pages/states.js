/** What is shown in place of an answer: while it loads, where it failed, where it is empty. */

import { html } from "./ui.js";
import { t } from "./words.js";

export const Loading = ({ rows = 3 }) => html`
  <div class="loading" role="status">
    <span class="vh">${t("state.loading")}</span>
    ${Array.from({ length: rows }, () => html`<i aria-hidden="true"></i>`)}
  </div>
`;

const titles = { 0: "state.offline", 404: "state.unknown", 503: "state.unavailable" };

export const Failed = ({ error, again }) => html`
  <div class="state state--bad" role="alert">
    <p class="state__title">${t(titles[error.status] ?? "state.failed")}</p>
    <p>${error.message || t("state.offline.help")}</p>
    ${again && html`<button class="button" type="button" onClick=${again}>${t("state.again")}</button>`}
  </div>
`;

export const Empty = ({ title, children }) => html`
  <div class="state">
    <p class="state__title">${title}</p>
    ${children && html`<p>${children}</p>`}
  </div>
`;

/** The answer as `children` shows it, or the state that it is in. */
export function Answer({ of, rows, children }) {
  if (of.error) return html`<${Failed} error=${of.error} again=${of.again} />`;
  if (of.data === undefined) return html`<${Loading} rows=${rows} />`;
  return html`<div aria-busy=${of.loading ? "true" : "false"} class="answer">${children(of.data)}</div>`;
}
