"""Settings: `STOCKRANK_*` variables over a `stockrank.toml` over the defaults.

One set for the commands and the service, so that both read the same file.
"""

import os
import tomllib
from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from functools import cached_property
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings import SettingsError as UnreadableVariable

from pipelines.definition import Definition, definitions_from, definitions_in
from pipelines.errors import SettingsError, Unknown
from pipelines.place import Postgres
from pipelines.setting_sources import AnyPlace, Filled
from pipelines.universe import BUILT_IN, JUMP_THRESHOLD, OMXS30, ReturnsIn, TrustedJump, Universe

PREFIX: Final = "STOCKRANK_"
CONFIG: Final = Path("stockrank.toml")

NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class UniverseSettings(BaseModel):
    """A universe as it is declared: a floor is in million, and may differ by date."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    markets: tuple[str, ...] = Field(min_length=1)
    currency: str
    min_market_cap: NotNegative | dict[date, NotNegative] = 0.0
    returns_in: ReturnsIn = "local"
    index: str = OMXS30

    def named(self, name: str) -> Universe:
        """Return the declared universe under a name."""
        cap = self.min_market_cap
        floors = sorted(cap.items()) if isinstance(cap, dict) else [(date.min, cap)]
        return Universe(
            name=name, markets=self.markets, currency=self.currency, floors=tuple(floors),
            returns_in=self.returns_in, index=self.index,
        )  # fmt: skip


class Settings(BaseSettings):
    """Where the data is, which universe is ranked and how it is served; built by entry points.

    An optional setting that is empty, or only white space, is not set: `.env` files leave them so.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, extra="forbid", frozen=True, hide_input_in_errors=True
    )

    source: AnyPlace = Field(
        Path("data/demo.db"), description="SQLite database to export, or an address in PostgreSQL"
    )
    lake: Path = Field(Path("data/lake"), description="folder of the Parquet versions")
    universe: str = Field("sweden", description="universe to rank")
    keep_versions: int = Field(5, ge=1, description="versions that a refresh keeps")
    trusted_jumps: tuple[str, ...] = Field(
        (), description="jumps of prices that are real, each a ticker and a day; JSON"
    )
    jump_threshold: float = Field(
        JUMP_THRESHOLD, gt=1.5, le=100, description="times up or down from which a move is a jump"
    )
    published_universes: str | None = Field(
        None, description="further universes that a refresh ranks, with commas between"
    )
    universes: dict[str, UniverseSettings] = Field({}, description="universes of your own, by name")
    strategies: dict[str, object] | Path = Field(
        {}, description="strategies of your own, by name; or a TOML file of them, or a folder"
    )

    host: str = Field("127.0.0.1", description="address that the service listens on")
    port: int = Field(8000, ge=0, le=65535, description="port of the service; 0 takes a free one")
    api_token: SecretStr | None = Field(
        None, description="bearer token for changes; without one only this machine may make them"
    )
    log_level: Literal["info", "debug"] = Field(
        "info",
        description="`debug` also logs phases of refreshes, probes, scrapes and the page's files",
    )
    trusted_proxies: str | None = Field(
        None, description="addresses of proxies whose `X-Forwarded-For` counts, with commas between"
    )
    role: Literal["all", "reader"] = Field(
        "all", description="`reader` serves what another process publishes, and changes nothing"
    )
    writer: str | None = Field(None, description="where a reader says that changes can be made")
    instance: str | None = Field(
        None, description="name of the service in its alerts; one of several has host and port"
    )
    remote: str | None = Field(
        None, description="object store that versions are pushed to, and that a reader pulls from"
    )
    remote_seconds: float = Field(
        60, ge=1, allow_inf_nan=False, description="seconds between two looks at the object store"
    )
    cluster: str | None = Field(
        None, description="address of a Dask scheduler, for `history`, `backtest` and `search`"
    )
    sync_hour: int | None = Field(None, ge=0, le=23, description="UTC hour of a daily refresh")
    backtests: bool = Field(
        True, description="a refresh also computes the backtests of the version that it published"
    )
    damage_check_hours: float = Field(
        24, gt=0, allow_inf_nan=False,
        description="hours between two checks of all files against their hashes",
    )  # fmt: skip
    refresh_timeout_minutes: float = Field(
        60, gt=0, allow_inf_nan=False,
        description="minutes after which a refresh that makes no progress is ended",
    )  # fmt: skip
    memory_limit_mb: float | None = Field(
        None, gt=0, description="memory budget; default the container's limit, else 1024"
    )
    memory_warning_percent: float = Field(
        75, gt=0, le=100, description="percent of it at which the service warns"
    )
    memory_critical_percent: float = Field(
        90, gt=0, le=100, description="percent of it at which new computations are refused"
    )
    memory_hold_seconds: float = Field(
        10, ge=0, description="how long memory must be at a level before it is in force"
    )
    computations: int = Field(2, ge=1, description="dates that are ranked at once on demand")
    webhook_url: SecretStr | None = Field(None, description="where alerts are posted as JSON")
    smtp_host: str | None = Field(None, description="mail server for alerts")
    smtp_port: int = Field(25, ge=1, le=65535, description="port of the mail server")
    smtp_user: str | None = Field(None, description="login at the mail server, over STARTTLS")
    smtp_password: SecretStr | None = Field(None, description="password at the mail server")
    smtp_from: str = Field("stockrank@localhost", description="sender of alert mails")
    smtp_to: str | None = Field(None, description="recipient of alert mails")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the signature is pydantic's
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let variables of the environment win over the values of the file."""
        return Filled(env_settings), Filled(init_settings)

    @field_validator("trusted_jumps")
    @classmethod
    def _is_a_jump(cls, texts: tuple[str, ...]) -> tuple[str, ...]:
        """Refuse a text that is not a ticker and a day."""
        for text in texts:
            try:
                TrustedJump.of(text)
            except ValueError as error:
                raise ValueError(f"{text!r} is no jump: {error}") from None
        return texts

    @field_validator("api_token")
    @classmethod
    def _can_be_sent(cls, token: SecretStr | None) -> SecretStr | None:
        """Refuse a token that no `Authorization` header can carry, for nobody could use it."""
        text = token.get_secret_value() if token else ""
        if text != text.strip() or not (text.isascii() and text.isprintable()):
            raise ValueError(
                "no request could send it; use printable ASCII without white space at its ends"
            )
        return token

    @field_validator("trusted_proxies")
    @classmethod
    def _are_addresses(cls, addresses: str | None) -> str | None:
        """Refuse what is no address; a name would never be compared with one."""
        for address in _listed(addresses):
            try:
                ip_network(address)
            except ValueError as error:
                raise ValueError(f"{error}; write 10.0.0.2 or 10.0.0.0/24") from None
        return addresses

    @property
    def is_reader(self) -> bool:
        """True for a service that changes nothing."""
        return self.role == "reader"

    @property
    def owns_lake(self) -> bool:
        """True for a service whose lake no other service writes to."""
        return not self.is_reader or self.remote is not None

    @property
    def proxies(self) -> list[str]:
        """Return the addresses and networks of the trusted proxies."""
        return _listed(self.trusted_proxies)

    @classmethod
    def load(cls, config: Path | None = None) -> Self:
        """Return the settings in force; `SettingsError` names an unknown key or a bad value."""
        variables = {f"{PREFIX}{name}".upper() for name in cls.model_fields}
        for name in os.environ:
            if name.startswith(PREFIX) and name not in variables:
                raise Unknown("setting", name, sorted(variables))
        try:
            return cls(**_read(config))
        except ValidationError as error:
            raise SettingsError(_message(error, cls.model_fields)) from None
        except UnreadableVariable as error:
            raise SettingsError(f"{error}; write it as JSON") from None

    def chosen_universe(self, name: str | None = None) -> Universe:
        """Return the universe of that name, by default the one in the settings."""
        declared = {name: universe.named(name) for name, universe in self.universes.items()}
        universes = {universe.name: universe for universe in BUILT_IN} | declared
        wanted = name or self.universe
        if wanted not in universes:
            raise Unknown("universe", wanted, universes)
        trusted = tuple(map(TrustedJump.of, self.trusted_jumps))
        return replace(
            universes[wanted], trusted_jumps=trusted, strategies=self.own_strategies,
            jump_threshold=self.jump_threshold,
        )  # fmt: skip

    @cached_property
    def own_strategies(self) -> tuple[Definition, ...]:
        """The strategies that are declared; `BadDefinition` for one that cannot be read."""
        declared = self.strategies
        return (
            definitions_from(declared) if isinstance(declared, Path) else definitions_in(declared)
        )

    def other_universes(self, chosen: Universe) -> tuple[Universe, ...]:
        """Return the universes that are published beside a chosen one."""
        names = _listed(self.published_universes)
        if "" in names:
            raise SettingsError(
                f"published_universes {self.published_universes!r} has an empty name; write names "
                "with one comma between two, and none at the end"
            )
        listed = dict.fromkeys(map(self.chosen_universe, names))
        return tuple(universe for universe in listed if universe != chosen)


def _listed(text: str | None) -> list[str]:
    return [part.strip() for part in text.split(",")] if text else []


SECRETS: Final = frozenset(
    name
    for name, field in Settings.model_fields.items()
    if {SecretStr, Postgres} & {*get_args(field.annotation)}
)
"""The settings whose values no message shows."""


def _message(error: ValidationError, names: Iterable[str]) -> str:
    """Return the most specific error as a sentence; an unknown setting with the names there are.

    A floor may be a number or a table, and a value that is neither gives an error for each: the
    one about the other form is left out.
    """
    errors = error.errors()
    best = next((e for e in errors if e["type"] not in ("float_type", "dict_type")), errors[0])
    where = ".".join(str(part) for part in best["loc"])
    if best["type"] == "extra_forbidden" and len(best["loc"]) == 1:
        return str(Unknown("setting", where, names))
    # An error of all settings has no place, and its input holds the secrets, too.
    hidden = not best["loc"] or best["loc"][0] in SECRETS
    shown = where if hidden else f"{where} = {best['input']!r}"
    return f"setting {shown}: {best['msg'].removeprefix('Value error, ')}"


def _read(config: Path | None) -> dict[str, Any]:
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
