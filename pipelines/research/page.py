"""A report as one page of HTML that needs nothing else: light and dark, for screens and paper."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import Final

STYLE: Final = """
:root{color-scheme:light dark;--bg:light-dark(#f6f6f4,#0d0f12);--card:light-dark(#fff,#14171b);
--line:light-dark(#e3e3de,#272c33);--text:light-dark(#191b1e,#e9ebee);
--muted:light-dark(#5d6168,#9aa1ac);--accent:light-dark(#2846a8,#93abff);
--other:light-dark(#a8743a,#d9a86a);--up:light-dark(#0a6b3c,#5ccb90);
--down:light-dark(#b3261e,#ff8f86);--warn:light-dark(#fcf3e2,#2b2212)}
*{box-sizing:border-box}body{margin:0;background:var(--bg);color:var(--text);
font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{max-width:1040px;margin:0 auto;padding:24px 16px 64px}
h1{font-size:28px;line-height:1.2;margin:8px 0 4px}h2{font-size:18px;margin:0 0 8px}
p{margin:4px 0}.muted{color:var(--muted)}nav a{margin-right:16px;color:var(--accent)}
section{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:16px;
margin-top:16px}.warn{background:var(--warn)}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(max(140px,21%),1fr));gap:16px}
.figures b{display:block;font-size:24px;white-space:nowrap;font-variant-numeric:tabular-nums}
.figures span{color:var(--muted);font-size:13px}
.pair{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,380px),1fr));gap:16px 32px}
.pair>*{min-width:0}h3{font-size:14px;font-weight:600;margin:0 0 4px}
.wide{overflow-x:auto}.wide th:first-child,.wide td:first-child{position:sticky;left:0;
background:var(--card)}table{border-collapse:collapse;width:100%;font-size:13px;
font-variant-numeric:tabular-nums}th,td{text-align:right;padding:3px 8px;white-space:nowrap;
border-bottom:1px solid var(--line)}th{color:var(--muted);font-weight:500}
th:first-child,td:first-child,.left{text-align:left}td.words{white-space:normal;text-align:left}
svg{width:100%;height:auto;display:block}svg text{fill:var(--muted);font-size:11px}
svg{overflow:visible}.pair svg text{font-size:21px}.pair svg .mid{transform:translateY(8px)}
.mid{text-anchor:middle}.end{text-anchor:end}.grid{stroke:var(--line)}
polyline{fill:none;stroke-width:1.6;stroke-linejoin:round}.mine{stroke:var(--accent)}
.theirs{stroke:var(--other)}.loss{stroke:var(--down)}rect.mine{fill:var(--accent);stroke:none}
rect.theirs{fill:var(--other);stroke:none}.legend i{display:inline-block;width:12px;height:12px;
border-radius:3px;margin:0 6px -1px 0}.legend span{display:inline-block;margin:0 12px}
.i-mine{background:var(--accent)}
.i-theirs{background:var(--other)}.up{color:var(--up)}.down{color:var(--down)}
details summary{cursor:pointer;color:var(--accent)}
@media (max-width:600px){main{padding:16px 8px 48px}section{padding:12px}
section>svg text,.pair svg text{font-size:29px}section>svg{margin-bottom:12px}
section>svg .mid,.pair svg .mid{transform:translateY(16px)}
section>svg .mid:nth-of-type(even){display:none}
.wide td:first-child{white-space:normal;min-width:88px}}
@media print{:root{color-scheme:light}body{background:#fff;font-size:12px}main{padding:0}
section{break-inside:avoid;border-color:#ccc;margin-top:10px;padding:10px}
table{font-size:10px}th,td{padding:2px 4px}section:has(details){break-inside:auto}
details::details-content{content-visibility:visible}}
"""


def page(title: str, parts: Iterable[str]) -> str:
    """Return a page of some parts, which are HTML already."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>"
        f"<body><main>{''.join(parts)}</main></body></html>\n"
    )


def section(title: str, *parts: str, style: str = "") -> str:
    """Return a section with a title."""
    return f'<section class="{style}"><h2>{escape(title)}</h2>{"".join(parts)}</section>'


def table(titles: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table of texts and numbers; the first column is to the left."""
    head = "".join(f"<th>{escape(title)}</th>" for title in titles)
    body = "".join(f"<tr>{''.join(_cell(cell) for cell in row)}</tr>" for row in rows)
    rows_of = f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody>"
    return f'<div class="wide"><table>{rows_of}</table></div>'


def _cell(value: object) -> str:
    if isinstance(value, Shade):
        return f'<td style="background:{value.colour()}">{escape(percent(value.value))}</td>'
    return f"<td>{escape('' if value is None else str(value))}</td>"


class Shade:
    """A return in a heat map: greener for a gain, redder for a loss."""

    def __init__(self, value: float | None, most: float) -> None:
        self.value = value
        self._most = most or 1.0

    def colour(self) -> str:
        """Return the colour of the cell."""
        if self.value is None:
            return "transparent"
        name = "--up" if self.value >= 0 else "--down"
        share = min(60, round(60 * abs(self.value) / self._most))
        return f"color-mix(in srgb, var({name}) {share}%, transparent)"


def percent(value: float | None, digits: int = 1) -> str:
    """Return a fraction in per cent; nothing for None."""
    return "" if value is None else f"{value:,.{digits}%}"


def number(value: float | None, digits: int = 2) -> str:
    """Return a number; nothing for None."""
    return "" if value is None else f"{value:,.{digits}f}"


def times(value: float) -> str:
    """Return a growth, such as 2.50 times, or 1,234 times."""
    return f"{value:,.{2 if value < 100 else 0}f} times"


def pair(*parts: tuple[str, str]) -> str:
    """Return parts with their titles, side by side where there is room."""
    shown = "".join(f"<div><h3>{escape(title)}</h3>{inner}</div>" for title, inner in parts)
    return f'<div class="pair">{shown}</div>'


def figure(name: str, value: str, beside: str = "") -> str:
    """Return a large figure with its name."""
    return f"<div><b>{escape(value)}</b><span>{escape(name)} {escape(beside)}</span></div>"


def folded(title: str, inner: str) -> str:
    """Return a part that opens on a click."""
    return f"<details><summary>{escape(title)}</summary>{inner}</details>"


def paragraph(text: str, style: str = "") -> str:
    """Return a sentence."""
    return f'<p class="{style}">{escape(text)}</p>'


def legend(*names: tuple[str, str]) -> str:
    """Return the names of the series, each with its class of style."""
    shown = "".join(
        f'<span><i class="i-{style}"></i>{escape(name)}</span>' for name, style in names
    )
    return f'<p class="legend muted">{shown}</p>'
