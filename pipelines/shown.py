"""Numbers of a ranking as people read them; nothing for one that is missing."""


def f_score(score: int, available: int) -> str:
    """Return an F-score beside the number of its signals, such as 5/9."""
    return f"{score}/{available}"


def percent(value: float | None) -> str:
    """Return a fraction in percent with its sign."""
    return "" if value is None else f"{value:+.1%}"


def number(value: float | None) -> str:
    """Return a number with four decimals, or with none from a million on."""
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 1e6 else f"{value:,.4f}"


def ordinal(place: int) -> str:
    """Return a place such as 1st, 12th or 23rd."""
    is_teen = place % 100 in (11, 12, 13)
    ending = "th" if is_teen else {1: "st", 2: "nd", 3: "rd"}.get(place % 10, "th")
    return f"{place:,}{ending}"


def integer(value: float | None) -> str:
    """Return a number without decimals."""
    return "" if value is None else f"{value:,.0f}"
