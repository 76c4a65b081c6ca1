"""Where settings come from: a file, and the values of another source that are not blank."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import PydanticBaseSettingsSource

from pipelines.errors import SettingsError

CONFIG: Final = Path("stockrank.toml")


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


def read(config: Path | None) -> Mapping[str, object]:
    """Return the values in a file, by default those of `CONFIG` if it is there."""
    path = config or CONFIG
    if config is None and not path.exists():
        return {}
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError(
            f"no settings file at {path}; name one that is there, or leave --config out"
        ) from None
    except OSError as error:
        raise SettingsError(f"cannot read {path}: {error.strerror}") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"cannot read {path}: {error}") from None
