"""The possible answers of a handler by status, for the OpenAPI document."""

from collections.abc import Mapping
from typing import Any, Self

from pydantic import BaseModel

from app.web.fields import field


class Problem(BaseModel):
    """The answer of every error."""

    detail: str = field(
        "sentence with the value and the remedy",
        "unknown strategy 'x'; expected one of sammansatt_momentum, …",
    )


class Responses(dict[int | str, dict[str, Any]]):
    """Answers by status, in the form that FastAPI takes them."""

    @classmethod
    def problems(cls, sentences: Mapping[int, str]) -> Self:
        """Describe errors by a sentence for each status."""
        return cls(
            {status: {"model": Problem, "description": text} for status, text in sentences.items()}
        )
