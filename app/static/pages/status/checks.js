/** The checks of the data, the gravest first. */

import { html } from "../ui.js";
import { t, term } from "../words.js";
import { GRAVITY, Icon, Panel, Quiet, sentence, Shown } from "./parts.js";

export function Checks({ integrity, watch, old }) {
  const nothing = html`<${Quiet} title=${t("status.checks.none")} text=${t("status.checks.none.text")} />`;
  return html`
    <${Panel} name="integrity" title=${t("status.checks")} old=${old} aside=${integrity.data && !watch.empty && html`<span lang="en">${sentence(integrity.data.recommendation)}</span>`}>
      <${Shown} of=${integrity} rows=${4} empty=${watch.empty} nothing=${nothing}>${({ checks }) => html`<${Lists} checks=${checks} />`}<//>
    <//>
  `;
}

function Lists({ checks }) {
  const found = checks.filter((one) => one.status !== "ok").sort((a, b) => GRAVITY[a.status] - GRAVITY[b.status]);
  const passed = checks.filter((one) => one.status === "ok");
  const open = matchMedia("(min-width: 50rem)").matches; // folded where there is little room
  return html`
    ${found.length > 0 && html`<${List} checks=${found} />`}
    ${passed.length > 0 &&
    html`<details class="fold" open=${open}>
      <summary>${t(found.length ? "status.passed.rest" : "status.passed", { count: passed.length })}</summary>
      <${List} checks=${passed} />
    </details>`}
  `;
}

const List = ({ checks }) => html`
  <ul class="checks">
    ${checks.map((check) => html`
      <li key=${check.name}>
        <${Icon} status=${check.status} />
        <p class="checks__name">${term("check", check.name)}</p>
        <p class="checks__text" lang="en">${sentence(check.message)}</p>
      </li>
    `)}
  </ul>
`;
