"""The answers of a handler as FastAPI takes them."""

from app.web.responses import Problem, Responses


def test_errors_are_described_by_status() -> None:
    found = Responses.problems({404: "Unknown", 409: "Busy"})
    assert found == {
        404: {"model": Problem, "description": "Unknown"},
        409: {"model": Problem, "description": "Busy"},
    }
    assert Responses({200: {"description": "x"}, **found}).keys() == {200, 404, 409}
