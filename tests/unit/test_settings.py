"""Settings: the environment over the file over the defaults, and what is refused."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Final

import pytest
from pydantic import SecretStr, ValidationError

from pipelines.errors import SettingsError, StockRankError, Unknown
from pipelines.settings import PREFIX, SECRETS, Settings
from pipelines.universe import NORDIC, SWEDEN, TrustedJump, Universe

SP500 = 'currency = "USD"\nmarkets = ["sp500"]\n'


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder and no setting in the environment."""
    for name in list(os.environ):
        if name.startswith(PREFIX):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def declared(text: str, here: Path) -> Universe:
    (here / "stockrank.toml").write_text(f"[universes.mine]\n{text}")
    return Settings.load().chosen_universe("mine")


def message_of(settings: Path | None = None) -> str:
    with pytest.raises(StockRankError) as caught:
        Settings.load(settings)
    assert isinstance(caught.value, SettingsError | Unknown)
    message = str(caught.value)
    assert "\n" not in message
    return message


# -------------------------------------------------------------------------------- which wins


def test_defaults() -> None:
    settings = Settings.load()
    assert settings.source == Path("data/demo.db")
    assert settings.lake == Path("data/lake")
    assert settings.universe == "sweden"
    assert settings.keep_versions == 5
    assert settings.universes == {}
    assert settings.chosen_universe() == SWEDEN


def test_the_file_in_the_working_folder_wins_over_the_defaults(here: Path) -> None:
    (here / "stockrank.toml").write_text('lake = "file/lake"\nkeep_versions = 2\n')
    settings = Settings.load()
    assert settings.lake == Path("file/lake")
    assert settings.keep_versions == 2
    assert settings.source == Path("data/demo.db")


def test_the_environment_wins_over_the_file(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "stockrank.toml").write_text('lake = "file/lake"\nsource = "file.db"\n')
    monkeypatch.setenv("STOCKRANK_LAKE", "environment/lake")
    monkeypatch.setenv("STOCKRANK_KEEP_VERSIONS", "3")
    settings = Settings.load()
    assert settings.lake == Path("environment/lake")
    assert settings.keep_versions == 3
    assert settings.source == Path("file.db")


def test_another_file_takes_the_place_of_the_one_in_the_working_folder(here: Path) -> None:
    (here / "stockrank.toml").write_text('lake = "file/lake"\nsource = "file.db"\n')
    (here / "other.toml").write_text('lake = "other/lake"\n')
    settings = Settings.load(here / "other.toml")
    assert settings.lake == Path("other/lake")
    assert settings.source == Path("data/demo.db")


def test_settings_cannot_be_changed_afterwards() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings.load().lake = Path("elsewhere")


# -------------------------------------------------------------------------- empty, and secret

OPTIONAL = ("published_universes", "api_token", "trusted_proxies", "writer", "instance",
            "remote", "cluster", "sync_hour", "memory_limit_mb",
            "webhook_url", "smtp_host", "smtp_user", "smtp_password", "smtp_to")  # fmt: skip


def test_the_optional_settings_are_those_without_a_default() -> None:
    unset = tuple(n for n, f in Settings.model_fields.items() if f.default is None)
    assert unset == OPTIONAL


@pytest.mark.parametrize("empty", ["", "  ", " \t\n"], ids=["empty", "spaces", "white space"])
@pytest.mark.parametrize("name", OPTIONAL)
def test_an_empty_setting_counts_as_none_wherever_it_stands(
    here: Path, monkeypatch: pytest.MonkeyPatch, name: str, empty: str
) -> None:
    assert getattr(Settings(**{name: empty}), name) is None
    (here / "stockrank.toml").write_text(f"{name} = {json.dumps(empty)}\n")
    assert getattr(Settings.load(), name) is None
    (here / "stockrank.toml").unlink()
    monkeypatch.setenv(f"{PREFIX}{name}".upper(), empty)
    assert getattr(Settings.load(), name) is None


def test_a_secret_that_is_given_as_such_may_be_empty_too() -> None:
    assert Settings(api_token=SecretStr(" ")).api_token is None


def test_an_empty_variable_leaves_the_token_of_the_file(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "stockrank.toml").write_text('api_token = "of the file"\n')
    monkeypatch.setenv("STOCKRANK_API_TOKEN", "")
    token = Settings.load().api_token
    assert token is not None
    assert token.get_secret_value() == "of the file"


def test_a_setting_with_a_default_must_not_be_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STOCKRANK_KEEP_VERSIONS", "")
    assert message_of().startswith("setting keep_versions = '': Input should be a valid integer")


@pytest.mark.parametrize(
    "token", ["hemlighet-å", " secret", "secret ", "secret\n", "se\ncret", "se\tcret"]
)
def test_a_token_that_nobody_could_send_is_refused_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    monkeypatch.setenv("STOCKRANK_API_TOKEN", token)
    assert message_of() == (
        "setting api_token: no request could send it; "
        "use printable ASCII without white space at its ends"
    )
    with pytest.raises(ValidationError) as caught:
        Settings(api_token=token)
    assert token.strip() not in str(caught.value)


SECRET: Final = ("source", "api_token", "webhook_url", "smtp_password")


def test_the_secrets_are_known_by_their_type() -> None:
    assert set(SECRETS) == set(SECRET)


@pytest.mark.parametrize("name", SECRET)
@pytest.mark.parametrize("value", ["4711", '["hush"]', '{hush = "hush"}', "2026-11-24"])
def test_the_value_of_a_secret_is_in_no_message(here: Path, name: str, value: str) -> None:
    (here / "stockrank.toml").write_text(f"{name} = {value}\n")
    told = message_of()
    assert told.startswith(f"setting {name}")
    assert "4711" not in told
    assert "hush" not in told
    assert "24" not in told


def test_a_misspelt_secret_is_named_without_its_value(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "stockrank.toml").write_text('api_tokn = "hush"\n')
    assert message_of().startswith(
        "unknown setting 'api_tokn'; the nearest is api_token; expected one of "
    )
    assert "hush" not in message_of()
    (here / "stockrank.toml").write_text('api_token = "hush\n')
    assert "hush" not in message_of()
    (here / "stockrank.toml").write_text('[api_token]\nhush = "hush"\n')
    assert "'hush'" not in message_of()
    (here / "stockrank.toml").unlink()
    monkeypatch.setenv("STOCKRANK_API_TOKN", "hush")
    assert "hush" not in message_of()


def test_secrets_are_not_in_the_text_of_the_settings() -> None:
    given = Settings(api_token="hush", webhook_url="https://x/hush", smtp_password="hush")
    assert "hush" not in repr(given)
    assert "hush" not in given.model_dump_json()


@pytest.mark.parametrize("token", ["secret", "two words", "a:b~c=/+!\"'"])
def test_a_token_of_printable_ascii_is_taken(token: str) -> None:
    taken = Settings(api_token=token).api_token
    assert taken is not None
    assert taken.get_secret_value() == token


@pytest.mark.parametrize("text", ["*", "proxy", "10.0.0.1/8", "10.0.0.2 10.0.0.3", "10.0.0.2,"])
def test_a_proxy_is_named_by_its_address(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STOCKRANK_TRUSTED_PROXIES", text)
    assert message_of().startswith(f"setting trusted_proxies = {text!r}: ")
    assert message_of().endswith("; write 10.0.0.2 or 10.0.0.0/24")


def test_the_proxies_are_those_that_are_listed() -> None:
    assert Settings().proxies == []
    assert Settings(trusted_proxies=" ").proxies == []
    assert Settings(trusted_proxies="10.0.0.2, fd00::/8").proxies == ["10.0.0.2", "fd00::/8"]


# --------------------------------------------------------------------------------- universes


@pytest.mark.parametrize(
    ("cap", "floors"),
    [
        ("", ((date.min, 0.0),)),
        ("min_market_cap = 0", ((date.min, 0.0),)),
        ("min_market_cap = 12.5", ((date.min, 12.5),)),
        (
            "[universes.mine.min_market_cap]\n2023-06-01 = 2000\n0001-01-01 = 500",
            ((date.min, 500.0), (date(2023, 6, 1), 2000.0)),
        ),
        (
            'min_market_cap = { "2020-02-29" = 7.5, 2010-01-01 = 5 }',
            ((date(2010, 1, 1), 5.0), (date(2020, 2, 29), 7.5)),
        ),
    ],
)
def test_a_declared_universe(here: Path, cap: str, floors: tuple[tuple[date, float], ...]) -> None:
    expected = Universe(name="mine", markets=("sp500",), currency="USD", floors=floors)
    assert declared(SP500 + cap, here) == expected


def test_a_declared_universe_says_what_its_returns_are_in(here: Path) -> None:
    assert declared(SP500, here).returns_in == "local"
    assert declared(SP500 + 'returns_in = "SEK"', here).returns_in == "SEK"
    with pytest.raises(
        SettingsError, match=r"returns_in = 'EUR': Input should be 'local' or 'SEK'"
    ):
        declared(SP500 + 'returns_in = "EUR"', here)


def test_the_default_universe_can_be_declared_as_it_is(here: Path) -> None:
    (here / "stockrank.toml").write_text(
        "[universes.again]\n"
        'markets = ["stockholmsborsen", "first_north"]\n'
        'currency = "SEK"\n'
        "min_market_cap = { 0001-01-01 = 500, 2023-06-01 = 2000 }\n"
    )
    again = Settings.load().chosen_universe("again")
    assert again == replace(SWEDEN, name="again")


def test_the_universe_of_the_settings_is_chosen_unless_another_is_named(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "stockrank.toml").write_text(f"[universes.mine]\n{SP500}")
    monkeypatch.setenv("STOCKRANK_UNIVERSE", "mine")
    assert Settings.load().chosen_universe().name == "mine"
    assert Settings.load().chosen_universe("sweden") == SWEDEN
    assert Settings.load().chosen_universe("nordic") == NORDIC


def test_the_other_universes_that_are_published(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings.load().other_universes(SWEDEN) == ()
    monkeypatch.setenv("STOCKRANK_PUBLISHED_UNIVERSES", "nordic, sweden,nordic")
    assert Settings.load().other_universes(SWEDEN) == (NORDIC,)
    assert Settings.load().other_universes(NORDIC) == (SWEDEN,)
    monkeypatch.setenv("STOCKRANK_PUBLISHED_UNIVERSES", "nordik")
    with pytest.raises(Unknown, match="unknown universe 'nordik'; the nearest is nordic; expected"):
        Settings.load().other_universes(SWEDEN)


@pytest.mark.parametrize("text", ["sweden,", "sweden,,nordic", ","])
def test_an_empty_name_among_the_universes_is_refused(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("STOCKRANK_PUBLISHED_UNIVERSES", text)
    with pytest.raises(SettingsError) as caught:
        Settings.load().other_universes(SWEDEN)
    assert str(caught.value) == (
        f"published_universes {text!r} has an empty name; write names with one comma between two, "
        "and none at the end"
    )


def test_an_unknown_universe_is_refused_with_those_there_are(here: Path) -> None:
    (here / "stockrank.toml").write_text(f"[universes.mine]\n{SP500}")
    with pytest.raises(Unknown) as caught:
        Settings.load().chosen_universe("mars")
    assert str(caught.value) == "unknown universe 'mars'; expected one of sweden, nordic, mine"


# ----------------------------------------------------------------------------------- refused


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("keep_versions = 0", ("keep_versions", "0", "greater than or equal to 1")),
        ('keep_versions = "many"', ("keep_versions", "'many'", "integer")),
        ("lake = 5", ("lake", "5", "path")),
        ('[universes.mine]\ncurrency = "USD"', ("universes.mine.markets", "required")),
        (
            '[universes.mine]\nmarkets = "sp500"\ncurrency = "USD"',
            ("universes.mine.markets", "'sp500'"),
        ),
        ('[universes.mine]\nmarkets = []\ncurrency = "USD"', ("universes.mine.markets", "[]")),
        ('[universes.mine]\nmarkets = ["sp500"]', ("universes.mine.currency", "required")),
        (
            f"[universes.mine]\n{SP500}min_market_cap = -1",
            ("universes.mine.min_market_cap", "-1", "greater than or equal to 0"),
        ),
        (
            f"[universes.mine]\n{SP500}min_market_cap = nan",
            ("universes.mine.min_market_cap", "nan", "finite"),
        ),
        (
            f"[universes.mine]\n{SP500}min_market_cap = inf",
            ("universes.mine.min_market_cap", "inf", "finite"),
        ),
        (f"[universes.mine]\n{SP500}floor = 1", ("universes.mine.floor", "1")),
        ("lake = \n", ("cannot read stockrank.toml", "line 1")),
    ],
)
def test_a_bad_value_is_refused_by_name(here: Path, text: str, parts: tuple[str, ...]) -> None:
    (here / "stockrank.toml").write_text(text)
    message = message_of()
    assert all(part.lower() in message.lower() for part in parts), message


def test_an_unknown_key_of_the_file_is_refused_by_name(here: Path) -> None:
    (here / "stockrank.toml").write_text('colour = "red"\n')
    assert "colour" in message_of()


def test_an_unknown_key_of_the_file_is_refused_with_those_there_are(here: Path) -> None:
    (here / "stockrank.toml").write_text('colour = "red"\n')
    message = message_of()
    assert all(name in message for name in Settings.model_fields), message


def test_an_unknown_variable_is_refused_with_those_there_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("STOCKRANK_LAKES", "data/lake")
    message = message_of()
    told = "unknown setting 'STOCKRANK_LAKES'; the nearest is STOCKRANK_LAKE; expected one of "
    assert message.startswith(told)
    assert all(f"{PREFIX}{name}".upper() in message for name in Settings.model_fields)


def test_a_bad_variable_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STOCKRANK_KEEP_VERSIONS", "many")
    message = message_of()
    assert "keep_versions" in message
    assert "'many'" in message


def test_a_file_that_is_named_must_exist(here: Path) -> None:
    assert "nope.toml" in message_of(here / "nope.toml")


def test_a_folder_is_no_settings_file(here: Path) -> None:
    assert str(here) in message_of(here)


def test_a_file_that_is_not_utf_8_is_refused(here: Path) -> None:
    (here / "stockrank.toml").write_bytes(b'lake = "\xff"\n')
    assert "stockrank.toml" in message_of()


def test_a_variable_of_universes_that_is_not_json_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("STOCKRANK_UNIVERSES", "not JSON")
    assert "universes" in message_of()


def test_a_bad_date_of_a_floor_is_refused_by_name(here: Path) -> None:
    (here / "stockrank.toml").write_text(
        f"[universes.mine]\n{SP500}min_market_cap = {{ 2020-01-01 = 1, 2021-13-01 = 2 }}"
    )
    message = message_of()
    assert "2021-13-01" in message
    assert "date" in message


def test_the_file_is_utf_8_in_every_locale(here: Path) -> None:
    text = '[universes."småbolag"]\nmarkets = ["first_north"]\ncurrency = "SEK"\n'
    (here / "stockrank.toml").write_text(text, encoding="utf-8")
    code = "from pipelines.settings import Settings; print(ascii([*Settings.load().universes]))"
    ascii_only = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    environment = os.environ | ascii_only | {"PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-c", code]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert ended.stdout == "['sm\\xe5bolag']\n"


# ------------------------------------------------------------------------------ trusted jumps


def test_jumps_that_are_trusted_are_those_of_every_universe(here: Path) -> None:
    text = 'trusted_jumps = ["ROCK B 2020-03-09", "KCR 2026-05-04"]\n'
    (here / "stockrank.toml").write_text(f"{text}[universes.mine]\n{SP500}")
    settings = Settings.load()
    jumps = (TrustedJump("ROCK B", date(2020, 3, 9)), TrustedJump("KCR", date(2026, 5, 4)))
    for name in ("mine", "sweden", "nordic"):
        assert settings.chosen_universe(name).trusted_jumps == jumps


def test_jumps_that_are_trusted_may_be_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STOCKRANK_TRUSTED_JUMPS", '["ROCK B 2020-03-09"]')
    assert Settings.load().trusted_jumps == ("ROCK B 2020-03-09",)


def test_the_threshold_of_a_jump_is_that_of_every_universe(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings.load().chosen_universe().jump_threshold == 2.5
    monkeypatch.setenv("STOCKRANK_JUMP_THRESHOLD", "3")
    assert Settings.load().chosen_universe("nordic").jump_threshold == 3.0


@pytest.mark.parametrize("text", ["1.5", "0.4", "nan", "inf", "100.5", "three"])
def test_a_threshold_out_of_range_is_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("STOCKRANK_JUMP_THRESHOLD", text)
    assert f"jump_threshold = {text!r}: Input should be" in message_of()


@pytest.mark.parametrize("text", ["ROCK B", "ROCK B 2020-02-30"])
def test_a_trusted_jump_without_a_day_is_refused(here: Path, text: str) -> None:
    (here / "stockrank.toml").write_text(f'trusted_jumps = ["{text}"]\n')
    assert f"{text!r} is no jump: " in message_of()
