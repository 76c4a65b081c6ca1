"""The answers of a handler as FastAPI takes them."""

from app.web.responses import Problem, Responses

SCHEMA = {"schema": {"$ref": "#/components/schemas/Problem"}}


def test_errors_are_described_by_status_and_only_the_first_makes_a_validator() -> None:
    found = Responses.problems({404: "Unknown", 409: "Busy"})
    assert found == {
        404: {"model": Problem, "description": "Unknown"},
        409: {"content": {"application/json": SCHEMA}, "description": "Busy"},
    }
    assert Responses({200: {"description": "x"}, **found}).keys() == {200, 404, 409}
