"""The possible answers of a handler by status, for the OpenAPI document."""

from collections.abc import Mapping
from typing import Any, Final, Self

from pydantic import BaseModel

from app.web.fields import field


class Problem(BaseModel):
    """The answer of every error."""

    detail: str = field(
        "sentence with the value and the remedy",
        "unknown strategy 'x'; expected one of sammansatt_momentum, …",
    )


KNOWN: Final = {"schema": {"$ref": f"#/components/schemas/{Problem.__name__}"}}


class Responses(dict[int | str, dict[str, Any]]):
    """Answers by status, in the form that FastAPI takes them."""

    @classmethod
    def problems(cls, sentences: Mapping[int, str]) -> Self:
        """Describe errors by a sentence for each status.

        The first names the model, and the others refer to it: of each model that is named, FastAPI
        would make a validator, for each path.
        """
        first, *others = sentences
        known = {status: {"content": {"application/json": KNOWN}} for status in others}
        content: dict[int, dict[str, Any]] = {first: {"model": Problem}, **known}
        return cls(
            {status: {**content[status], "description": sentences[status]} for status in content}
        )
