"""The look of the charts: one theme, few colours that colour-blind readers can tell apart."""

import math
import struct
import zlib
from typing import Any, Final

import altair as alt
import numpy as np
import polars as pl
import vl_convert

INK: Final = "#222222"
QUIET: Final = "#767676"
FAINT: Final = "#e4e4e4"
GREY: Final = "#b9b9b9"
BLUE: Final = "#0072b2"
ORANGE: Final = "#d55e00"
FONT: Final = "Liberation Sans"
"""Comes with the converter to images, so that charts look the same on every machine."""

THEME: Final[dict[str, Any]] = {
    "background": "white",
    "font": FONT,
    "padding": 12,
    "view": {"stroke": None},
    "title": {
        "anchor": "start", "frame": "bounds", "fontSize": 16, "fontWeight": "bold", "color": INK,
        "subtitleFontSize": 12, "subtitleColor": QUIET, "subtitlePadding": 5, "offset": 16,
    },
    "axis": {
        "labelFontSize": 11, "labelColor": QUIET, "titleFontSize": 11, "titleColor": QUIET,
        "titleFontWeight": "normal", "gridColor": FAINT, "domain": False, "ticks": False,
        "labelPadding": 6,
    },
    "axisX": {"titleAnchor": "start", "titlePadding": 8},
    "axisY": {
        "titleAnchor": "end", "titleAngle": 0, "titleAlign": "left", "titleBaseline": "bottom",
        "titleX": 0, "titleY": -8,
    },
    "text": {"fontSize": 11, "color": INK},
    "concat": {"spacing": 24},
    "header": {
        "labelFontSize": 12, "labelFontWeight": "bold", "labelAnchor": "start", "labelColor": INK,
    },
}  # fmt: skip


def use_theme() -> None:
    """From now on charts have the theme, and are shown as images that need no script."""
    alt.theme.register("stockrank", enable=True)(lambda: alt.theme.ThemeConfig(config=THEME))
    alt.renderers.register("image", _image)
    alt.renderers.enable("image")


def _image(spec: dict[str, Any], **_: Any) -> tuple[dict[str, bytes], dict[str, dict[str, float]]]:
    """A chart as a PNG of twice the pixels that it is shown with."""
    png = smaller(vl_convert.vegalite_to_png(spec, ppi=2 * 72))
    width, height = struct.unpack_from(">II", png, 16)
    return {"image/png": png}, {"image/png": {"width": width / 2, "height": height / 2}}


def smaller(png: bytes) -> bytes:
    """The same image, compressed as well as can be: a quarter of what the converter writes."""
    start, parts, at = png[:8], [], 8
    while at < len(png):
        (length,) = struct.unpack_from(">I", png, at)
        parts.append((png[at + 4 : at + 8], png[at + 8 : at + 8 + length]))
        at += length + 12
    pixels = zlib.decompress(b"".join(data for kind, data in parts if kind == b"IDAT"))
    kept = [part for part in parts if part[0] not in (b"IDAT", b"IEND")]
    return start + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in (*kept, (b"IDAT", zlib.compress(pixels, 9)), (b"IEND", b""))
    )


def show_plainly() -> None:
    """From now on Polars shows tables as a reader wants them: no types, no shape, all rows."""
    pl.Config.set_tbl_hide_dataframe_shape(active=True)
    pl.Config.set_tbl_hide_column_data_types(active=True)
    pl.Config.set_tbl_rows(20)
    pl.Config.set_float_precision(1)


def panel_title(text: str) -> alt.TitleParams:
    """The small title of one of several panels."""
    return alt.TitleParams(text, fontSize=12, offset=8, frame="bounds", color=INK)


def percent(fraction: float, digits: int = 0) -> str:
    """A fraction as a signed percentage with a true minus."""
    return f"{fraction:+.{digits}%}".replace("-", "\N{MINUS SIGN}")


def half_width(values: int, confidence: float = 0.95) -> float:
    """What the deviation of so many values is multiplied by for half their mean's t-interval.

    It holds for independent values whose mean is about normal; infinite for fewer than two.
    """
    if values < 2:
        return math.inf
    return student_quantile((1 + confidence) / 2, values - 1) / math.sqrt(values)


def student_quantile(probability: float, freedom: int) -> float:
    """The quantile of Student's t above its middle, by integrating the density; to about 1e-4."""
    # With t = tan(angle) · sqrt(freedom) the density is a power of the cosine.
    angle = np.linspace(0, math.pi / 2, 100_001)
    density = np.cos(angle) ** (freedom - 1)
    area = np.concatenate([[0], np.cumsum((density[1:] + density[:-1]) / 2)])
    found = np.interp(2 * probability - 1, area / area[-1], angle)
    return math.tan(found) * math.sqrt(freedom)
