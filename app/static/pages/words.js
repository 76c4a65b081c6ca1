/** The texts of the pages, by language; numbers and dates as that language writes them. */

const KEY = "stockrank-language";
export const LANGUAGES = ["en", "sv"];
const LOCALES = { en: "en-GB", sv: "sv-SE" };

let texts = {};
let chosen = "en";
let plurals = new Intl.PluralRules("en-GB");

export const language = () => chosen;
export const locale = () => LOCALES[chosen];

/** The language of the address, else the one that was chosen, else the browser's. */
function preferred() {
  const named = new URLSearchParams(location.search).get("lang") ?? stored();
  const wanted = [named, ...navigator.languages].map((tag) => tag?.slice(0, 2).toLowerCase());
  return wanted.find((tag) => LANGUAGES.includes(tag)) ?? "en";
}

function stored() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}

/** Load the texts of a language, and keep the choice if it is one. */
export async function speak(wanted = null) {
  const next = wanted ?? preferred();
  texts = await (await fetch(`/static/messages/${next}.json`)).json();
  chosen = next;
  plurals = new Intl.PluralRules(LOCALES[next]);
  document.documentElement.lang = next;
  if (!wanted) return;
  try {
    localStorage.setItem(KEY, wanted);
  } catch {
    // Without storage the choice lasts as long as the page.
  }
}

/** The text of a key, with what stands in braces filled in; `count` chooses its plural. */
export function t(key, values = {}) {
  const form = "count" in values ? `${key}.${plurals.select(values.count)}` : key;
  const text = texts[form] ?? texts[`${key}.other`] ?? texts[key];
  if (text === undefined) return key;
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

/** The text of a key that comes from the data; what has none stays as it is. */
export const term = (kind, name) => (name ? (texts[`${kind}.${name}`] ?? name) : "");
export const known = (key) => key in texts;
