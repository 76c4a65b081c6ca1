"""A universe as the settings and the manifest hold it."""

from pipelines.universe import SWEDEN, Universe


def test_the_default_universe() -> None:
    assert Universe.from_dict(SWEDEN.as_dict()) == SWEDEN
    assert SWEDEN.as_dict() == {
        "name": "sweden", "markets": ["stockholmsborsen", "first_north"], "currency": "SEK",
        "floors": [["0001-01-01", 500.0], ["2023-06-01", 2000.0]],
    }  # fmt: skip
