"""Wrong usage of a command as one line: the option, its value and the remedy."""

import re
from collections.abc import Sequence
from typing import Any, Final

from pydantic import ValidationError
from typer import BadParameter, TyperException

from pipelines.errors import Unknown, WrongUsage

DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")


def wrong_usage(
    error: TyperException, commands: Sequence[str], option: str | None = None
) -> WrongUsage:
    """Return the error of a command line; `option` is what a word without an option is meant for.

    `commands` are the names of the commands, if there are several.
    """
    # Told by the text, for the library has no class of its own for these.
    text = str(getattr(error, "message", "")) or error.format_message()
    if isinstance(error, BadParameter) and isinstance(error.__cause__, ValidationError):
        name = str(getattr(error.param, "opts", ["value"])[0])
        return WrongUsage(_bad_value(name, dict(error.__cause__.errors()[0])))
    if isinstance(error, BadParameter) and error.param_hint:
        return WrongUsage(f"{error.param_hint}: {text}")
    if words := re.match(r"Got unexpected extra arguments?(?:\(s\))? \((.*)\)", text):
        remedy = f"use {option} {words[1]}" if option else "--help shows the options"
        return WrongUsage(f"{words[1]!r} has no option before it; {remedy}")
    if text == "Missing command.":
        return WrongUsage(f"name a command: {', '.join(commands)}; --help says what they do")
    if unknown := re.match(r"No such command '(.*?)'", text):
        return WrongUsage(str(Unknown("command", unknown[1], commands)))
    near = getattr(error, "possibilities", None)  # options, for one that is unknown
    hint = f"the nearest is {near[0]}; " if near else ""
    told = f"{text[:1].lower()}{text[1:].rstrip('.')}"
    return WrongUsage(f"{told}; {hint}--help shows how to use it")


def _bad_value(name: str, found: dict[str, Any]) -> str:
    """Return what is wrong with the value of an option, by the first finding of pydantic."""
    message, given = str(found["msg"]).removeprefix("Value error, "), f"{name} = {found['input']!r}"
    if "does not match the formats" in message:
        what = "day" if DATE.fullmatch(str(found["input"])) else "date"
        return f"{given} is no {what}; write it as year-month-day: 2021-11-20"
    if choices := re.search(r"is not one of (.*?)\.?$", message):
        return f"{given} is unknown; expected one of {choices[1].replace(chr(39), '')}"
    if found["type"] == "int_parsing":
        return f"{given} is no whole number; write digits alone"
    if found["type"] == "greater_than_equal":
        return f"{given} is too small; the least is {found['ctx']['ge']}"
    return f"{given}: {message}"
