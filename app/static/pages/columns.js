/** The columns of a ranking: what each one is called, how its values are written, where they are explained. */

import { change, decimal, percent, price, size, whole } from "./numbers.js";
import { scoreText } from "./ten.js";
import { t, term } from "./words.js";

const million = (value) => size(value == null ? null : value * 1e6);
const multiple = (value) => decimal(value, 1);

/** `kind` is text or number; `anchor` is the part of the method that explains the value. */
export const COLUMNS = {
  rank: { width: 64, kind: "number", show: whole },
  name: { width: 232, kind: "text" },
  sector: { width: 156, kind: "text", show: (one) => term("sector", one) },
  market: { width: 112, kind: "text", show: (one) => term("market", one) },
  close: { width: 88, kind: "number", show: price, anchor: "point-in-time" },
  currency: { width: 84, kind: "text" },
  market_cap_msek: { width: 116, kind: "number", show: million, anchor: "market-cap" },
  turnover: { width: 116, kind: "number", show: size },
  score: { width: 92, kind: "number", show: scoreText, anchor: "momentum" },
  return_3m: { width: 100, kind: "number", show: change, anchor: "momentum" },
  return_6m: { width: 100, kind: "number", show: change, anchor: "momentum" },
  return_12m: { width: 108, kind: "number", show: change, anchor: "momentum" },
  f_score: { width: 96, kind: "number", show: whole, anchor: "f-score" },
  pe: { width: 84, kind: "number", show: multiple, anchor: "ratios" },
  pb: { width: 76, kind: "number", show: multiple, anchor: "ratios" },
  ps: { width: 76, kind: "number", show: multiple, anchor: "ratios" },
  p_fcf: { width: 92, kind: "number", show: multiple, anchor: "ratios" },
  ev_ebitda: { width: 120, kind: "number", show: multiple, anchor: "ratios" },
  dividend_yield: { width: 112, kind: "number", show: (one) => percent(one, 1), anchor: "ratios" },
  payout_ratio: { width: 140, kind: "number", show: percent, anchor: "ratios" },
  roe: { width: 76, kind: "number", show: percent, anchor: "ratios" },
  roa: { width: 76, kind: "number", show: percent, anchor: "ratios" },
  roic: { width: 76, kind: "number", show: percent, anchor: "ratios" },
  fcfroe: { width: 104, kind: "number", show: percent, anchor: "ratios" },
  primary_rank: { width: 116, kind: "number", show: whole, anchor: "composite-ranks" },
  excluded_by: { width: 300, kind: "text", show: (one) => reason(one) },
  before: { width: 100, kind: "number", show: whole },
};

export const ALWAYS = ["rank", "name"];
export const USUAL = [
  "sector", "market", "close", "market_cap_msek", "score", "return_3m", "return_6m", "return_12m", "f_score",
];
/** Columns that are chosen together. */
export const VIEWS = {
  usual: USUAL,
  multiples: ["close", "market_cap_msek", "pe", "pb", "ps", "p_fcf", "ev_ebitda", "dividend_yield", "payout_ratio"],
  profit: ["sector", "market_cap_msek", "roe", "roa", "roic", "fcfroe", "f_score"],
};
export const CHOOSABLE = Object.keys(COLUMNS).filter((name) => ![...ALWAYS, "excluded_by", "before"].includes(name));

export const titleOf = (name) => t(`column.${name}`);

/** A reason for having no rank, in words. */
export function reason(code) {
  if (!code) return "";
  const outside = /^outside_best_(\d+)_percent$/.exec(code);
  return outside ? t("reason.outside", { percent: outside[1] }) : term("reason", code);
}
