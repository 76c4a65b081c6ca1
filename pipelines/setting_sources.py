"""How settings are taken in: blank ones are none, and a source is a path or an address."""

from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, PlainSerializer, SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import NoDecode, PydanticBaseSettingsSource

from pipelines.place import Place, place

AnyPlace = Annotated[Place, NoDecode, BeforeValidator(place), PlainSerializer(str)]
"""A path, or the address of a database, of which nothing that is written out shows the secrets."""


class Filled(PydanticBaseSettingsSource):
    """The values of another source without optional ones that are blank."""

    def __init__(self, source: PydanticBaseSettingsSource) -> None:
        super().__init__(source.settings_cls)
        self._source: Final = source

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Return what the other source has of a field."""
        return self._source.get_field_value(field, field_name)

    def __call__(self) -> dict[str, Any]:
        """Return all values of the other source that count."""
        return {
            name: value
            for name, value in self._source().items()
            if not (_is_optional(self.settings_cls, name) and _is_blank(value))
        }


def _is_optional(model: type[BaseModel], name: str) -> bool:
    return name in model.model_fields and model.model_fields[name].default is None


def _is_blank(value: object) -> bool:
    text = value.get_secret_value() if isinstance(value, SecretStr) else value
    return isinstance(text, str) and not text.strip()
