/** Draws the Markdown of our own documents: headings, paragraphs, lists, tables, code. */

import { html } from "./ui.js";

const FENCE = "\x60\x60\x60";

/** The anchor of a heading, as the documents' links name it. */
const slug = (text) =>
  text.toLowerCase().replace(/[\x60*]/g, "").replace(/[^\p{L}\p{N} _-]/gu, "").trim().replace(/ /g, "-");

/** A document in parts: `[{kind, …}]`. */
export function parts(text) {
  const lines = text.split("\n");
  const found = [];
  let at = 0;
  const take = (test) => {
    const taken = [];
    while (at < lines.length && test(lines[at])) taken.push(lines[at++]);
    return taken;
  };
  while (at < lines.length) {
    const line = lines[at];
    const heading = /^(#{1,4}) (.*?)(?: \{#([\w-]+)\})?$/.exec(line);
    if (!line.trim()) at++;
    else if (heading) {
      at++;
      const [, marks, words, anchor = slug(words)] = heading;
      found.push({ kind: "heading", level: marks.length, text: words, anchor });
    } else if (line.startsWith(FENCE)) {
      at++;
      found.push({ kind: "code", text: take((one) => !one.startsWith(FENCE)).join("\n") });
      at++;
    } else if (line.startsWith("|")) found.push(table(take((one) => one.startsWith("|"))));
    else if (ITEM.test(line)) found.push(list(take((one) => one.trim() && (ITEM.test(one) || /^\s/.test(one)))));
    else found.push({ kind: "text", text: take((one) => one.trim() && !/^[|#]/.test(one) && !one.startsWith(FENCE) && !ITEM.test(one)).join(" ") });
  }
  return found;
}

const ITEM = /^(-|\d+\.) /;

function table([head, , ...rows]) {
  const cells = (line) => line.replace(/^\||\|$/g, "").split("|").map((one) => one.trim());
  return { kind: "table", head: cells(head), rows: rows.map(cells) };
}

function list(lines) {
  const items = [];
  for (const line of lines)
    if (ITEM.test(line)) items.push(line.replace(ITEM, ""));
    else items.push(`${items.pop()} ${line.trim()}`);
  return { kind: "list", ordered: /^\d/.test(lines[0]), items };
}

const INLINE = /\x60([^\x60]+)\x60|\*\*([^*]+)\*\*|\*([^*]+)\*|\[([^\]]+)\]\(([^)]+)\)/g;

/** A line of text with its code, stress and links; links to other documents are plain text. */
export function inline(text) {
  const found = [];
  let last = 0;
  for (const match of text.matchAll(INLINE)) {
    found.push(text.slice(last, match.index));
    const [, code, strong, stressed, label, to] = match;
    if (code) found.push(html`<code>${code}</code>`);
    else if (strong) found.push(html`<strong>${inline(strong)}</strong>`);
    else if (stressed) found.push(html`<em>${inline(stressed)}</em>`);
    else if (to.startsWith("#")) found.push(html`<a href=${to}>${inline(label)}</a>`);
    else found.push(inline(label));
    last = match.index + match[0].length;
  }
  return [...found, text.slice(last)];
}

export function Part({ part }) {
  if (part.kind === "heading") return html`<${`h${part.level}`} id=${part.anchor} tabindex="-1">${inline(part.text)}<//>`;
  if (part.kind === "code") return html`<pre tabindex="0"><code>${part.text}</code></pre>`;
  if (part.kind === "list") {
    const items = part.items.map((one) => html`<li>${inline(one)}</li>`);
    return part.ordered ? html`<ol>${items}</ol>` : html`<ul>${items}</ul>`;
  }
  if (part.kind === "table")
    return html`
      <div class="prose__table" tabindex="0">
        <table>
          <thead><tr>${part.head.map((one) => html`<th scope="col">${inline(one)}</th>`)}</tr></thead>
          <tbody>${part.rows.map((row) => html`<tr>${row.map((one) => html`<td>${inline(one)}</td>`)}</tr>`)}</tbody>
        </table>
      </div>
    `;
  return html`<p>${inline(part.text)}</p>`;
}
