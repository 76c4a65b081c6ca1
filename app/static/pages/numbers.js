/** Numbers and dates as the language writes them; what is unknown is a dash. */

import { locale } from "./words.js";

export const NONE = "–";

const formats = new Map();
function format(options) {
  const key = locale() + JSON.stringify(options);
  if (!formats.has(key)) formats.set(key, new Intl.NumberFormat(locale(), options));
  return formats.get(key);
}
const shown = (value, options) => (value == null ? NONE : format(options).format(value).replace("-", "\u2212"));
const digits = (many) => ({ minimumFractionDigits: many, maximumFractionDigits: many });

export const whole = (value) => shown(value, { maximumFractionDigits: 0 });
export const decimal = (value, many = 2) => shown(value, digits(many));
/** A fraction as whole percents. */
export const percent = (value, many = 0) => shown(value, { style: "percent", ...digits(many) });
/** A change, with its sign. */
export const change = (value, many = 0) =>
  shown(value, { style: "percent", signDisplay: "exceptZero", ...digits(many) });

/** A price: two decimals below a hundred, one below a thousand, then none. */
export const price = (value) =>
  value == null ? NONE : decimal(value, Math.abs(value) < 100 ? 2 : Math.abs(value) < 1000 ? 1 : 0);
export const money = (value, currency) =>
  value == null ? NONE : `${decimal(value, 2)}${currency ? `\u00a0${currency}` : ""}`;
export const size = (bytes) => shown(bytes, { notation: "compact", maximumFractionDigits: 1 });

const day = (text, options) =>
  text == null
    ? NONE
    : new Intl.DateTimeFormat(locale(), { timeZone: "UTC", ...options }).format(
        new Date(`${text.slice(0, 10)}T00:00:00Z`),
      );
export const date = (text) => day(text, { day: "numeric", month: "short", year: "numeric" });
export const longDate = (text) => day(text, { day: "numeric", month: "long", year: "numeric" });
export const month = (text) => day(text, { month: "short", year: "numeric" });
export const year = (text) => text?.slice(0, 4) ?? NONE;

/** A number as people write it, in either language; null for none. */
export function parsed(text) {
  const plain = String(text).trim().replace(/[\s\u00a0\u202f]/g, "").replace("\u2212", "-");
  const dotted = /,\d{1,2}$|^[^.]*,[^.]*$/.test(plain) ? plain.replace(/\./g, "").replace(",", ".") : plain.replace(/,/g, "");
  return dotted !== "" && Number.isFinite(Number(dotted)) ? Number(dotted) : null;
}

/** A text to be searched in: small letters without marks. */
export const plain = (text) =>
  (text ?? "").normalize("NFD").replace(/\p{M}/gu, "").replace(/[øØ]/g, "o").replace(/[æÆ]/g, "a").toLowerCase();
