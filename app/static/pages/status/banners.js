/** What is wrong with the figures of the page, above them. */

import { html } from "../ui.js";
import { t } from "../words.js";
import { Icon, sentence } from "./parts.js";
import { clock } from "./times.js";

const TITLES = { unreadable: "status.lake.unreadable", damaged: "status.lake.damaged" };

/** `refused` is why no refresh was started, if one was refused. */
export const Banners = ({ watch, refused, onDismiss }) => html`
  <div class="notices" id="banners" role="status">
    <${Lake} lake=${watch.lake} />
    ${watch.lostAt && html`<${Lost} watch=${watch} />`}
    ${refused &&
    html`<${Notice} tone="critical" title=${t("status.refused")} text=${refused}>
      <button class="button button--small" type="button" onClick=${onDismiss}>${t("status.dismiss")}</button>
    <//>`}
  </div>
`;

const Notice = ({ tone, title, text, children }) => html`
  <div class="notice notice--${tone}">
    <${Icon} status=${tone} mute />
    <p><b>${title}</b> ${text}</p>
    ${children}
  </div>
`;

/** The condition of the lake, where it is not as it should be; a roll-back is told of, too. */
function Lake({ lake }) {
  const title = TITLES[lake?.state];
  if (title) {
    const text = html`${t("banner.unsafe")} <span lang="en">${sentence(lake.reason)}</span>`;
    return html`<${Notice} tone="critical" title=${t(title)} text=${text} />`;
  }
  if (!lake?.rolled_back || lake.state !== "readable") return null;
  const text = t("status.lake.rolled_back.text", { back: lake.rolled_back, version: lake.version });
  return html`<${Notice} tone="warning" title=${t("status.lake.rolled_back")} text=${text} />`;
}

const Lost = ({ watch }) => html`
  <${Notice} tone="critical" title=${t("status.lost")} text=${t("status.lost.text", { time: clock(watch.lostAt) })}>
    <button class="button button--small" type="button" onClick=${() => watch.stream.retry()}>${t("status.lost.try")}</button>
  <//>
`;
