"""What the request of a backtest may hold."""

import pytest
from pydantic import ValidationError

from app.web.research_models import BacktestOptions, BacktestRequest


@pytest.mark.parametrize(
    "odd",
    [
        {"cost_bps": False},
        {"delisting_factor": True},
        {"size": "3"},
        {"whole_shares": 1},
        {"from": 0},
        {"to": "0"},
        {"to": "2020-1-2"},
    ],
)
def test_a_value_of_another_type_is_refused(odd: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        BacktestRequest.model_validate({"strategy": "calm", **odd})


def test_numbers_of_a_query_are_texts() -> None:
    options = BacktestOptions.model_validate({"size": "3", "from": "2020-01-02"})
    assert (options.size, f"{options.since}") == (3, "2020-01-02")
